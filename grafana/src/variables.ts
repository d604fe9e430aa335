// The variables at the top of a dashboard: its data sources, the processes or the service, and what its domain chooses.
import {
  type DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { TYPES } from './build-panel.ts';
import { ALL_VALUES, VALUES } from './choices.ts';
import { type DashboardDefinition, type Home, SOURCES_OF, type Source } from './panel.ts';

const SERVICES = 'select distinct service from keepwatch.observability_series order by service limit 1000';
const ALL = { selected: true, text: 'All', value: '$__all' };

/** The variable that holds the uid of a data source. Called the same everywhere, so that links between dashboards carry it along. */
export function dataSourceOf(source: Source): string {
  return `\${${source}}`;
}

/** What was put into a textbox, as a literal of SQL: Grafana quotes it by itself in no version, and in this format in all. */
export function textbox(name: string): string {
  return `\${${name}:sqlstring}`;
}

export function addVariables(
  dashboard: DashboardBuilder,
  home: Home,
  { choices = [], textboxes = [] }: DashboardDefinition,
): void {
  const sources = SOURCES_OF[home];
  for (const source of sources)
    dashboard.withVariable(new DatasourceVariableBuilder(source).label(TITLES[source]).type(TYPES[source]));
  const add = (source: Source, { name, title, query, allValue }: Queried, isMulti: boolean) => {
    const variable = new QueryVariableBuilder(name)
      .label(title)
      .query(query)
      .datasource({ type: TYPES[source], uid: dataSourceOf(source) })
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .current(ALL)
      .multi(isMulti)
      .includeAll(true);
    dashboard.withVariable(allValue === undefined ? variable : variable.allValue(allValue));
  };
  // One thing is of whichever service it is.
  for (const source of home === 'details' ? [] : sources) {
    for (const variable of TARGETS[source]) add(source, variable, source === 'prometheus');
  }
  const asked = home === 'prometheus' ? home : 'postgres';
  for (const choice of choices) {
    const { name, title } = choice;
    add(asked, { name, title, query: VALUES[asked](choice), allValue: ALL_VALUES[asked] }, true);
  }
  for (const { name, title } of textboxes) dashboard.withVariable(new TextBoxVariableBuilder(name).label(title).defaultValue(''));
}

export const TITLES: Readonly<Record<Source, string>> = { prometheus: 'Prometheus', postgres: 'Postgres' };

interface Queried {
  readonly name: string;
  readonly title: string;
  readonly query: string;
  /** Default: every value that is listed. */
  readonly allValue?: string;
}

/**
 * What every dashboard of a data source chooses. All processes are those that have recorded events within the range: a Prometheus knows other targets too,
 * and what it says of them (`up`, CPU, memory) is called the same. One service or, unquoted, null, which the functions take for all of them.
 */
const TARGETS: Readonly<Record<Source, readonly Queried[]>> = {
  prometheus: [
    { name: 'job', title: 'Job', query: 'label_values(keepwatch_events_recorded_total, job)' },
    { name: 'instance', title: 'Instance', query: 'label_values(keepwatch_events_recorded_total{job=~"$job"}, instance)' },
  ],
  postgres: [{ name: 'service', title: 'Service', query: SERVICES, allValue: 'null' }],
};
