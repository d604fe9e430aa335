// A dashboard as Grafana's JSON: the classic model, which file provisioning takes.
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { annotationsOf } from './annotations.ts';
import { buildPanel } from './build-panel.ts';
import { trace } from './details/trace.ts';
import { type DashboardDefinition, type Home, type Panel, SOURCES_OF, type Source } from './panel.ts';
import { addVariables, dataSourceOf, TITLES } from './variables.ts';

/** On all of them, so that each can list the others. */
const TAG = 'keepwatch';

/** Grafana refuses an uid of more than 40 characters. */
const UID_SUFFIXES: Readonly<Record<Home, string>> = { prometheus: '-prom', postgres: '-postgres', roles: '', details: '' };

/** What has happened changes no more. */
const REFRESH: Readonly<Record<Home, string>> = { prometheus: '30s', postgres: '1m', roles: '30s', details: '' };

/** Of a dashboard; never changes. */
export function uidOf({ name }: Pick<DashboardDefinition, 'name'>, home: Home): string {
  return `keepwatch-${name}${UID_SUFFIXES[home]}`;
}

export function buildDashboard(definition: DashboardDefinition, home: Home): Dashboard {
  const { title, description, rows, from = 'now-1h' } = definition;
  const dashboard = new DashboardBuilder(isOfSource(home) ? `Keepwatch: ${title} (${TITLES[home]})` : `Keepwatch: ${title}`)
    .uid(uidOf(definition, home))
    .description(description)
    .tags([TAG, home])
    .timezone('browser')
    .refresh(REFRESH[home])
    .time({ from, to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly();
  addLinks(dashboard, definition, home);
  addVariables(dashboard, home, definition);
  // Of one thing nothing is shown over time.
  if (home !== 'details') for (const annotation of annotationsOf(SOURCES_OF[home])) dashboard.annotation(annotation);
  let id = 0;
  for (const row of rows) {
    const panels = row.panels.flatMap((panel) => panelOf(panel, home) ?? []);
    if (panels.length === 0) continue;
    dashboard.withRow(new RowBuilder(row.title).id(++id));
    for (const panel of panels) dashboard.withPanel(panel.id(++id));
  }
  const built = dashboard.build();
  // The SDK leaves out what is empty; Grafana's model does not.
  built.annotations.list ??= [];
  return built;
}

/** Asks the first data source of the home that the panel has a question for. */
function panelOf(panel: Panel, home: Home): ReturnType<typeof buildPanel> {
  for (const source of SOURCES_OF[home]) {
    const built = buildPanel(panel, source, dataSourceOf(source));
    if (built !== undefined) return built;
  }
  return undefined;
}

/** The same of the other data source, and lists of all others. What is chosen goes along where it is called the same. */
function addLinks(dashboard: DashboardBuilder, definition: DashboardDefinition, home: Home): void {
  if (isOfSource(home)) {
    const other = home === 'prometheus' ? 'postgres' : 'prometheus';
    dashboard.link(
      linkOf(`The same from ${TITLES[other]}`)
        .type(DashboardLinkType.Link)
        .url(`/d/${uidOf(definition, other)}`),
    );
  }
  const lists = [
    ['Roles', 'roles'],
    ['From Prometheus', 'prometheus'],
    ['From Postgres', 'postgres'],
  ] as const;
  for (const [title, tag] of lists)
    dashboard.link(linkOf(title).type(DashboardLinkType.Dashboards).tags([TAG, tag]).asDropdown(true));
  if (home !== 'details')
    dashboard.link(
      linkOf('Trace')
        .type(DashboardLinkType.Link)
        .url(`/d/${uidOf(trace, 'details')}`),
    );
}

function isOfSource(home: Home): home is Source {
  return home === 'prometheus' || home === 'postgres';
}

function linkOf(title: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).keepTime(true).includeVars(true).icon('dashboard');
}
