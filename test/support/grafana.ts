// What Grafana (11 to 13) does with the queries of a dashboard before a data source gets them: variables in the browser, then, for SQL, macros on
// its server. Sources: formatRegistry.ts and MultiValueVariable.ts of grafana/scenes, SqlDatasource.ts and macros.go of its Postgres data source.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { PACKAGE_FOLDER } from '../../src/db/sql.ts';

/** The range and step that a panel is shown with. */
export interface Shown {
  readonly from: Date;
  readonly to: Date;
  readonly stepMs: number;
  /** Values of the variables, several of one that takes several; one that is not given is All, if it has a value for that. */
  readonly variables?: Readonly<Record<string, string | readonly string[]>>;
}

/** A question of a panel, a variable or an annotation. */
export interface Target {
  /** Title of the panel; what it is, where it is no panel's. */
  readonly panel: string;
  /** Type of the panel; `variable`, `annotation`. */
  readonly kind: string;
  readonly refId: string;
  readonly expr?: string;
  readonly legendFormat?: string;
  readonly rawSql?: string;
  readonly format?: string;
  readonly instant?: boolean;
  readonly unit?: string;
  /** Of tables, by the name of the column. */
  readonly columnUnits?: Readonly<Record<string, string>>;
  /** Of an annotation: its values are the moments that it marks. */
  readonly useValueForTime?: boolean;
}

type Query = Omit<Target, 'panel' | 'kind' | 'unit'>;
interface AnyPanel {
  readonly title?: string;
  readonly type: string;
  readonly targets?: readonly Query[];
  readonly panels?: readonly AnyPanel[];
  readonly fieldConfig?: { readonly defaults?: { readonly unit?: string }; readonly overrides?: readonly Override[] };
}
interface Override {
  readonly matcher: { readonly id: string; readonly options?: unknown };
  readonly properties: readonly { readonly id: string; readonly value?: unknown }[];
}
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query?: unknown;
  readonly allValue?: string;
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly datasource?: { readonly type?: string };
}

/** A dashboard as it is kept. */
export interface KeptDashboard {
  /** Below grafana/dashboards. */
  readonly path: string;
  readonly dashboard: Dashboard;
}

/** All that are below grafana/dashboards, in folders too. */
export function keptDashboards(): KeptDashboard[] {
  const folder = join(PACKAGE_FOLDER, 'grafana/dashboards');
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.json'));
  return paths.sort().map((path) => ({ path, dashboard: JSON.parse(readFileSync(join(folder, path), 'utf8')) as Dashboard }));
}

/** The questions of all panels. */
export function targetsOf(dashboard: Dashboard): Target[] {
  const panels = (dashboard.panels ?? []) as unknown as readonly AnyPanel[];
  return [...panels, ...panels.flatMap(({ panels: within = [] }) => within)].flatMap(
    ({ title = '', type, targets = [], fieldConfig: { defaults, overrides = [] } = {} }) => {
      const unit = defaults?.unit;
      const units = overrides.flatMap(({ matcher, properties }) =>
        properties.flatMap(({ id, value }) => (id === 'unit' ? [[String(matcher.options), String(value)] as const] : [])),
      );
      const asked = { panel: title, kind: type, columnUnits: Object.fromEntries(units) };
      return targets.map((target) => ({ ...target, ...asked, ...(unit !== undefined && { unit }) }));
    },
  );
}

/** Those of variables, which a person chooses from, and of annotations. */
export function otherTargetsOf(dashboard: Dashboard): Target[] {
  const chosen = variablesOf(dashboard)
    .filter(({ type }) => type === 'query')
    .map(({ name, query, datasource }): Target => {
      const text = typeof query === 'string' ? query : String((query as { query?: unknown }).query);
      const asked = datasource?.type === 'prometheus' ? { expr: text } : { rawSql: text, format: 'table' };
      return { panel: `variable ${name}`, kind: 'variable', refId: name, ...asked };
    });
  const annotations = (dashboard.annotations?.list ?? []) as readonly {
    name?: string;
    expr?: string;
    target?: unknown;
    titleFormat?: string;
    useValueForTime?: boolean;
  }[];
  return [
    ...chosen,
    ...annotations.map(({ name = '', expr, target, titleFormat: legendFormat, useValueForTime }): Target => {
      const ofPrometheus = expr === undefined ? {} : { expr, ...(legendFormat !== undefined && { legendFormat }) };
      const query = { refId: name, ...ofPrometheus, ...(target as Partial<Query> | undefined) };
      return {
        ...query,
        panel: `annotation ${name}`,
        kind: 'annotation',
        ...(useValueForTime !== undefined && { useValueForTime }),
      };
    }),
  ];
}

/** @throws Error where Grafana would say so too: an unknown macro, an interval that is none */
export function expandSql(dashboard: Dashboard, sql: string, shown: Shown): string {
  return expandMacros(interpolate(dashboard, sql, shown, formatForSql), shown);
}

/** Intervals of the Prometheus data source, and variables. */
export function expandPromql(dashboard: Dashboard, expr: string, shown: Shown, scrapeMs: number): string {
  const { from, to, stepMs } = shown;
  const known = expr
    .replaceAll('$__rate_interval', durationOf(Math.max(stepMs + scrapeMs, 4 * scrapeMs)))
    .replaceAll('$__range', `${Math.round((to.getTime() - from.getTime()) / 1000)}s`);
  return interpolate(dashboard, known, shown, (value) => {
    const texts = (typeof value === 'string' ? [value] : value).map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\\\$&'));
    return texts.length === 1 ? (texts[0] ?? '') : `(${texts.join('|')})`;
  });
}

type Format = (value: string | readonly string[], variable: Variable, format: string | undefined) => string;

/** Each place once: what a value holds is not looked at again. */
function interpolate(dashboard: Dashboard, text: string, { from, stepMs, variables = {} }: Shown, write: Format): string {
  const known = new Map(variablesOf(dashboard).map((variable) => [variable.name, variable]));
  const one = (place: string, plain?: string, braced?: string, format?: string): string => {
    const name = plain ?? braced ?? '';
    if (name === '__interval') return durationOf(stepMs);
    if (name === '__interval_ms') return String(stepMs);
    if (name === '__from') return String(from.getTime());
    const variable = known.get(name);
    if (variable === undefined) return place;
    const value = variables[name] ?? (variable.type === 'textbox' ? variable.query : undefined);
    if (typeof value === 'string' || Array.isArray(value)) return write(value as string | readonly string[], variable, format);
    // A value of its own for All is written as it is, whatever the format; without one it is all that is listed.
    if (variable.allValue === undefined) throw new Error(`the variable ${name} has no value for All, and none are given`);
    return variable.allValue;
  };
  return text.replace(/\$(\w+)|\$\{(\w+)(?::(\w+))?\}/g, one);
}

const formatForSql: Format = (value, { multi, includeAll }, format) => {
  const double = (text: string) => text.replaceAll("'", "''");
  const list = typeof value === 'string' ? [value] : value;
  // It is meant for MySQL too: a double quote gets a backslash, which Postgres takes for one.
  if (format === 'sqlstring') return list.map((text) => `'${double(text).replaceAll('"', '\\"')}'`).join(',');
  if (format !== undefined) throw new Error(`the format ${format} is not known here`);
  if (typeof value === 'string' && multi !== true && includeAll !== true) return double(value);
  return list.map((text) => `'${double(text)}'`).join(',');
};

/** `$name(arguments)`, up to the next closing parenthesis, wherever it stands. */
function expandMacros(sql: string, { from, to }: Shown): string {
  const [begin, end] = [`'${from.toISOString()}'`, `'${to.toISOString()}'`];
  return sql.replace(/\$(\w+)\(([^)]*)\)/g, (call: string, name: string, list: string, at: number) => {
    const [first = '', second = ''] = list.split(',').map((argument) => argument.trim());
    const grouped = () => {
      const seconds = secondsOf(second.replaceAll("'", ''));
      return `floor(extract(epoch from ${first})/${seconds})*${seconds}`;
    };
    if (name === '__timeFilter') return `${first} BETWEEN ${begin} AND ${end}`;
    if (name === '__timeFrom') return begin;
    if (name === '__timeTo') return end;
    if (name === '__timeGroup') return sql[at + call.length] === ',' ? `${grouped()} AS "time"` : grouped();
    if (name === '__timeGroupAlias') return `${grouped()} AS "time"`;
    throw new Error(`unknown macro ${name}`);
  });
}

const UNITS = { y: 31_536_000_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 };

/** `90000` is `1m`: the largest unit, rounded down. */
function durationOf(ms: number): string {
  const unit = Object.entries(UNITS).find(([, unitMs]) => ms >= unitMs);
  return unit === undefined ? `${ms}ms` : `${Math.floor(ms / unit[1])}${unit[0]}`;
}

function secondsOf(interval: string): number {
  const [, count, unit = ''] = /^(\d+)([smhdy])$/.exec(interval) ?? [];
  if (count === undefined) throw new Error(`error parsing interval ${interval}`);
  return (Number(count) * UNITS[unit as keyof typeof UNITS]) / 1000;
}

function variablesOf(dashboard: Dashboard): readonly Variable[] {
  return dashboard.templating?.list ?? [];
}
