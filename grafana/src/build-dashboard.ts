// A dashboard of one data source as Grafana's JSON: the classic model, which file provisioning takes from Grafana 10 on.
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { buildPanel, TYPES } from './build-panel.ts';
import type { DashboardDefinition, Source } from './panel.ts';
import { PostgresQuery } from './postgres-query.ts';
import { of } from './promql.ts';

const TITLES: Readonly<Record<Source, string>> = { prometheus: 'Prometheus', postgres: 'Postgres' };
/** Where Keepwatch's own API is; traces are opened there. */
const DEFAULT_URL = 'http://127.0.0.1:3000';

/** Where an alert began to fire. */
const ALERTS_BEGAN = `select slot as time, rule as text, labels ->> 'severity' as tags
from keepwatch.alert_transition
where $__timeFilter(slot) and to_state = 'firing' and from_state in ('ok', 'pending', 'nodata')
order by slot
limit 500`;

/** Of a dashboard of one source; never changes. Grafana refuses one of more than 40 characters. */
export function uidOf({ name }: Pick<DashboardDefinition, 'name'>, source: Source): string {
  return `keepwatch-${name}-${source === 'prometheus' ? 'prom' : source}`;
}

export function buildDashboard(definition: DashboardDefinition, source: Source): Dashboard {
  const { title, description, tags, rows } = definition;
  const other = source === 'prometheus' ? 'postgres' : 'prometheus';
  const dashboard = new DashboardBuilder(`Keepwatch: ${title} (${TITLES[source]})`)
    .uid(uidOf(definition, source))
    .description(description)
    .tags([...tags, source])
    .timezone('browser')
    .refresh(source === 'prometheus' ? '30s' : '1m')
    .time({ from: 'now-1h', to: 'now' })
    .readonly()
    .link(linkTo(`The same from ${TITLES[other]}`, `/d/${uidOf(definition, other)}`));
  addVariables(dashboard, source);
  dashboard.annotation(annotationOf(source));
  let id = 0;
  for (const row of rows) {
    const panels = row.panels.flatMap((panel) => buildPanel(panel, source) ?? []);
    if (panels.length === 0) continue;
    dashboard.withRow(new RowBuilder(row.title).id(++id));
    for (const panel of panels) dashboard.withPanel(panel.id(++id));
  }
  return dashboard.build();
}

function linkTo(title: string, url: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title)
    .type(DashboardLinkType.Link)
    .url(url)
    .keepTime(true)
    .includeVars(false)
    .icon('dashboard');
}

function addVariables(dashboard: DashboardBuilder, source: Source): void {
  const datasource = { type: TYPES[source], uid: '${datasource}' };
  dashboard.withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type(TYPES[source]));
  const chosenBy = (name: string, label: string, query: string) =>
    new QueryVariableBuilder(name)
      .label(label)
      .query(query)
      .datasource(datasource)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .includeAll(true);
  if (source === 'prometheus') {
    dashboard
      .withVariable(chosenBy('job', 'Job', 'label_values(keepwatch_events_recorded_total, job)').multi(true).allValue('.+'))
      .withVariable(
        chosenBy('instance', 'Instance', 'label_values(keepwatch_events_recorded_total{job=~"$job"}, instance)')
          .multi(true)
          .allValue('.+'),
      );
  } else {
    const services = 'select distinct service from keepwatch.observability_series order by service limit 1000';
    // One service or, unquoted, null, which the functions take for all of them.
    dashboard.withVariable(chosenBy('service', 'Service', services).multi(false).allValue('null'));
  }
  dashboard.withVariable(new TextBoxVariableBuilder('keepwatch_url').label('Keepwatch').defaultValue(DEFAULT_URL));
}

function annotationOf(source: Source): AnnotationQueryBuilder {
  const annotation = new AnnotationQueryBuilder().enable(true).datasource({ type: TYPES[source], uid: '${datasource}' });
  if (source === 'prometheus') {
    return annotation
      .name('Starts')
      .iconColor('blue')
      .expr(`changes(${of('process_start_time_seconds')}[$__interval]) > 0`);
  }
  return annotation
    .name('Alerts')
    .iconColor('red')
    .target(new PostgresQuery(ALERTS_BEGAN, 'table', 'Alerts'));
}
