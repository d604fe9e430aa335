// What is wrong with a dashboard, by its JSON alone: panels, variables, PromQL against the registry, and of SQL all that Postgres would not refuse by
// itself (columns and tables are asked of Postgres: test/integration/grafana/mutations.test.ts).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { PACKAGE_FOLDER } from '../../src/db/sql.ts';
import { EVENT_TYPES } from '../../src/event.ts';
import { CATALOGUE } from '../../src/instrument/metrics/catalogue.ts';
import type { MetricEntry } from '../../src/instrument/metrics/metric-entry.ts';
import { wrongValuesInSql } from './label-values.ts';
import { type KnownMetrics, wrongInPromql } from './promql.ts';

export interface LintedPanel {
  readonly id?: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly datasource?: { readonly type?: string; readonly uid?: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly gridPos?: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr?: string; readonly rawSql?: string }[];
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query?: string;
  readonly datasource?: { readonly uid?: string };
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly allValue?: string;
  readonly refresh?: number;
}

/** What reads one thing by its id. */
const OF_ONE = /keepwatch\.trace\(/;
/** Panels of which a unit would say nothing. */
const WITHOUT_UNIT: ReadonlySet<string> = new Set(['table', 'row']);
/** What says how things stand now, and keeps no history. */
const OF_NOW: ReadonlySet<string> = new Set([
  'sources',
  'ledger',
  'alert_instance',
  'alert_group',
  'budgets',
  'spending',
  'targets',
]);
const TIME_FILTER =
  /\$__timeFilter\(|from_time => \$__timeFrom\(\), to_time => \$__timeTo\(\)|from_time => date_trunc\(case when .*\$__timeFrom\(\)|(?:end_time >=|from_time =>) greatest\(\$__timeFrom\(\)|measure\(\$__timeFrom\(\), \$__timeTo\(\)/;
/** Ranges that are not the step of a panel, and why they may be: a day that ends at each moment, 30 days of an objective. */
const OTHER_RANGES: ReadonlySet<string> = new Set([
  'increase[$__range]',
  'increase[1d]',
  'max_over_time[$__interval]',
  'avg_over_time[30d]',
]);
/** What not all instances have a series of. */
const WITHOUT_INSTANCE: ReadonlySet<string> = new Set(['ALERTS']);
/** What has the same value for all jobs. */
const WITHOUT_JOB: ReadonlySet<string> = new Set(['slo:objective:ratio']);
/** Variables that Grafana itself knows. */
const BUILT_IN = /^__/;

export function panelsOf({ panels = [] }: Dashboard): readonly LintedPanel[] {
  return panels as readonly LintedPanel[];
}

/** @returns each with the panel or variable that it is about */
export function wrongInDashboard(dashboard: Dashboard, known: KnownMetrics): string[] {
  const variables = (dashboard.templating.list ?? []) as readonly Variable[];
  return [
    ...wrongInShape(dashboard),
    ...variables.flatMap((variable) => wrongInVariable(variable, known).map((problem) => `$${variable.name}: ${problem}`)),
    ...panelsOf(dashboard).flatMap((panel) => {
      const problems = panel.type === 'row' ? [] : wrongInPanel(panel, variables, known);
      return problems.map((problem) => `${panel.title}: ${problem}`);
    }),
    ...(dashboard.annotations.list ?? []).flatMap(({ name, expr, target }) => {
      const sql = (target as { rawSql?: string } | undefined)?.rawSql;
      const problems = [
        ...(expr === undefined ? [] : wrongInExpr(expr, known)),
        ...(sql === undefined ? [] : wrongInSql(sql, 'table')),
      ];
      return problems.map((problem) => `annotation ${name}: ${problem}`);
    }),
  ];
}

function wrongInShape(dashboard: Dashboard): string[] {
  const panels = panelsOf(dashboard);
  const ids = panels.map(({ id }) => id);
  const titles = panels.filter(({ type }) => type !== 'row').map(({ title }) => title);
  return [
    ...(dashboard.editable === false ? [] : ['can be edited by accident']),
    ...((dashboard.uid ?? '').length > 40 || dashboard.uid === undefined ? ['has no uid that Grafana takes'] : []),
    ...(ids.every((id) => id !== undefined && id > 0) && new Set(ids).size === ids.length
      ? []
      : ['ids of panels are not unique']),
    ...(new Set(titles).size === titles.length ? [] : ['titles of panels are not unique']),
    ...overlaps(panels).map((pair) => `${pair} overlap`),
  ];
}

function wrongInVariable(
  { type, query = '', datasource, includeAll, allValue, refresh }: Variable,
  known: KnownMetrics,
): string[] {
  if (type !== 'query') return [];
  const problems = /^\$\{\w+\}$/.test(datasource?.uid ?? '') ? [] : ['asks no chosen data source'];
  if (refresh !== 2) problems.push('is not asked again when the range changes');
  const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
  // Without one it is all that is listed, up to the limit of SQL.
  if (includeAll === true && (allValue ?? '') === '' && selector === undefined) problems.push('has no value for All');
  if (/^(job|instance)$/.test(label ?? '') && allValue !== undefined) problems.push('has targets of others for All');
  if (selector === undefined) return [...problems, ...wrongMembers(query), ...(/\blimit \d+$/.test(query) ? [] : ['no limit'])];
  return [...problems, ...wrongInPromql(`sum by (${label}) (${selector})`, known)];
}

function wrongInPanel(panel: LintedPanel, variables: readonly Variable[], known: KnownMetrics): string[] {
  const { title = '', description = '', type, fieldConfig, datasource, targets = [] } = panel;
  const problems: string[] = [];
  if (title === '') problems.push('no title');
  if (!description.endsWith('.')) problems.push('no description');
  if (!WITHOUT_UNIT.has(type) && (fieldConfig?.defaults.unit ?? '') === '') problems.push('no unit');
  const chosen = variables.find(({ name }) => datasource?.uid === `\${${name}}`);
  if (chosen?.type !== 'datasource' || chosen.query !== datasource?.type) problems.push('asks no chosen data source');
  if (targets.length === 0) problems.push('asks nothing');
  if (new Set(targets.map(({ refId }) => refId)).size < targets.length) problems.push('its questions are not told apart');
  for (const { refId, expr, rawSql } of targets) {
    if (!/^[A-H]$/.test(refId)) problems.push(`its question is called ${refId}`);
    for (const [, name = ''] of (expr ?? rawSql ?? '').matchAll(/\$\{?(\w+)/g)) {
      if (!BUILT_IN.test(name) && !variables.some((variable) => variable.name === name))
        problems.push(`there is no variable ${name}`);
    }
    if (expr !== undefined) problems.push(...wrongInExpr(expr, known));
    if (rawSql === undefined) continue;
    const textboxes = variables.filter((variable) => variable.type === 'textbox').map(({ name }) => name);
    problems.push(...wrongInSql(rawSql, type, textboxes));
    for (const { name, multi, includeAll } of variables) {
      if (rawSql.includes(`\${${name}}`) && multi !== true && includeAll !== true)
        problems.push(`Grafana does not quote ${name}`);
    }
  }
  return problems;
}

/** PromQL with Grafana's variables. */
export function wrongInExpr(expr: string, known: KnownMetrics): string[] {
  const problems = wrongInPromql(expr.replace(/\[\$__\w+\]/g, '[4m]').replace(/\$__(from|to)\b/g, '0'), known);
  for (const { 0: selector, 1: name = '', 2: matchers = '', index } of expr.matchAll(/([\w:]+)\{([^}]*)\}/g)) {
    if (!matchers.includes('job=~"$job"')) problems.push(`${name} is of all jobs`);
    const isOfJob = name.includes(':') || WITHOUT_INSTANCE.has(name);
    if (!isOfJob && !matchers.includes('instance=~"$instance"')) problems.push(`${name} is of all instances`);
    const isCounter = /_total$|_bucket$|_sum$|_count$/.test(name) && !name.includes(':');
    const [, by = ''] = /(\w+)\($/.exec(expr.slice(0, index)) ?? [];
    if (isCounter && !/^(rate|increase|changes)$/.test(by)) problems.push(`${name} grows for ever`);
    const [, range] = /^\[([^\]]+)\]/.exec(expr.slice(index + selector.length)) ?? [];
    if (range === undefined) continue;
    const isStep = by === 'rate' && range === '$__rate_interval';
    if (!isStep && !OTHER_RANGES.has(`${by}[${range}]`)) problems.push(`${by} over [${range}]`);
  }
  for (const [name] of expr.matchAll(/\b[a-z]+:[\w:]+(?![\w:{])/g)) {
    if (!WITHOUT_JOB.has(name)) problems.push(`${name} is of all jobs`);
  }
  return problems;
}

/** SQL with Grafana's macros. @param kind of the panel @param textboxes what is put in by hand */
export function wrongInSql(sql: string, kind: string, textboxes: readonly string[] = []): string[] {
  const problems = wrongMembers(sql);
  const isOfNow = [...sql.matchAll(/\bkeepwatch\.(\w+)/g)].every(([, name = '']) => OF_NOW.has(name));
  if (!isOfNow && !OF_ONE.test(sql) && !TIME_FILTER.test(sql)) problems.push('asks for all time');
  if (/keepwatch\.(observability_metrics|events)\b/.test(sql) && !/\$__timeFilter\(end_time\)|end_time >= /.test(sql))
    problems.push('reads all raw rows');
  if (kind === 'table' && !/\blimit \d+$/.test(sql)) problems.push('no limit');
  if (/select \*/.test(sql)) problems.push('selects all columns');
  // Grafana quotes what has no format, if the variable offers All or several values; none of its formats quotes as Postgres does. What is put into a textbox
  // it quotes in this one format alone, and not as it was where there is a double quote.
  if (/'\$\{?(?!__)\w/.test(sql)) problems.push('a variable within quotes');
  const formatted = [...sql.matchAll(/\$\{(\w+):(\w+)\}/g)].some(
    ([, name = '', format]) => !textboxes.includes(name) || format !== 'sqlstring',
  );
  if (formatted || /\$(?!__|\{)\w/.test(sql)) problems.push('a variable with a format of its own');
  return problems;
}

/** Members of labels and metadata, labels and types that functions are given, and values of columns: all that is only text for Postgres. */
export function wrongMembers(sql: string): string[] {
  const members = [
    ...sql.matchAll(/(?:metadata|labels|annotations) (?:->>?|\?) '(\w+)'/g),
    ...sql.matchAll(/(?:group_by =>|per_label\() ?'(\w+)'/g),
  ];
  const types = [...sql.matchAll(/keepwatch\.(?:timeseries|latency|slowest)\('(\w+)'/g)];
  return [
    ...members.flatMap(([, name = '']) => (MEMBERS.has(name) ? [] : [`there is no label or member ${name}`])),
    ...wrongValuesInSql(sql),
    ...types.flatMap(([, name = '']) => ((EVENT_TYPES as readonly string[]).includes(name) ? [] : [`there is no type ${name}`])),
  ];
}

/** Labels of the registry, what docs/sql.md names, by which functions group, and what an alert has. */
const MEMBERS: ReadonlySet<string> = new Set([
  ...(Object.values(CATALOGUE) as MetricEntry[]).flatMap(({ labels }) => labels),
  ...Array.from(
    readFileSync(join(PACKAGE_FOLDER, 'docs/sql.md'), 'utf8').matchAll(/metadata (?:->>?|\?) '(\w+)'|'(\w+_tokens)'/g),
    ([, member, tokens]) => member ?? tokens ?? '',
  ),
  ...['all', 'series', 'service', 'type', 'name', 'status'],
  ...['severity', 'summary'],
]);

function overlaps(panels: readonly LintedPanel[]): string[] {
  const placed = panels.map(({ title = '', gridPos: { x, y, w, h } = { x: 0, y: 0, w: 0, h: 0 } }) => ({ title, x, y, w, h }));
  return placed.flatMap((one, index) =>
    placed
      .slice(index + 1)
      .filter(
        (other) => one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h,
      )
      .map((other) => `${one.title} and ${other.title}`),
  );
}
