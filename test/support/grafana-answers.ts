// What Grafana makes of the answers of its data sources: columns, and the lines of a panel with their names.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Database } from '../../src/db/database.ts';
import { expandPromql, type Shown, type Target } from './grafana.ts';
import type { PrometheusServer } from './prometheus.ts';

type Cell = string | number | boolean | Date | null;
export interface SqlAnswer {
  readonly columns: readonly { readonly name: string; readonly kind: 'time' | 'number' | 'text' }[];
  readonly rows: readonly Readonly<Record<string, Cell>>[];
}
/** Values of a line at moments in milliseconds, in order. */
export type Lines = ReadonlyMap<string, readonly (readonly [atMs: number, value: number])[]>;

/** Oids of pg_type. */
const TIMES: ReadonlySet<number> = new Set([1082, 1114, 1184]);
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 700, 701, 1700]);

/** Asks as the role of dashboards. @param database or a transaction of it */
export async function askPostgres(database: Database, sql: string): Promise<SqlAnswer> {
  return database.tx(async (task) => {
    await task.none('set local role keepwatch_reader');
    const { fields, rows } = await task.result<Record<string, Cell>>(sql);
    await task.none('reset role');
    const columns = fields.map(({ name, dataTypeID }) => {
      const isNumber = NUMBERS.has(dataTypeID);
      // Numbers in a column of this name are seconds since 1970.
      const kind = TIMES.has(dataTypeID) || (isNumber && name === 'time') ? 'time' : isNumber ? 'number' : 'text';
      return { name, kind } as const;
    });
    return { columns, rows };
  });
}

/** All numbers of an answer that are no times. */
export function numbersOf({ columns, rows }: SqlAnswer): number[] {
  const names = columns.filter(({ kind }) => kind === 'number').map(({ name }) => name);
  return rows.flatMap((row) => names.map((name) => row[name]).flatMap((cell) => (cell == null ? [] : [Number(cell)])));
}

/**
 * The lines of a query with the format `time_series`: one for each text, or one for each column of numbers.
 * @throws Error for what Grafana does not draw, or draws wrongly: no time, times that go back, two values of a line at one moment
 */
export function linesOfSql({ columns, rows }: SqlAnswer): Lines {
  const texts = columns.filter(({ kind }) => kind === 'text').map(({ name }) => name);
  const numbers = columns.filter(({ kind }) => kind === 'number').map(({ name }) => name);
  // Grafana names a line by the text alone where it is called so, else by the column of numbers and the text.
  if (texts.some((name) => name !== 'metric'))
    throw new Error(`a text that tells lines apart is called ${texts.join(', ')}, not metric`);
  if (!columns.some(({ name, kind }) => name === 'time' && kind === 'time')) throw new Error('there is no column time');
  const lines = new Map<string, [number, number][]>();
  let newest = -Infinity;
  for (const row of rows) {
    const at = row['time'];
    if (at == null) throw new Error('a time is null');
    const atMs = at instanceof Date ? at.getTime() : Number(at) * 1000;
    if (atMs < newest) throw new Error('times are not in order');
    newest = atMs;
    const text = texts.map((name) => String(row[name] ?? '')).join(' ');
    for (const column of numbers) {
      const name = texts.length === 0 ? column : numbers.length === 1 ? text : `${column} ${text}`;
      const line = lines.get(name) ?? [];
      if (line.at(-1)?.[0] === atMs) throw new Error(`two values of ${name} at ${new Date(atMs).toISOString()}`);
      if (row[column] != null) line.push([atMs, Number(row[column])]);
      if (line.length > 0) lines.set(name, line);
    }
  }
  return lines;
}

export interface PromSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [atSeconds: number, value: string])[];
}

/** Series over a range, a step in seconds apart. */
export async function askRange(
  prometheus: PrometheusServer,
  expr: string,
  { from, to, stepSeconds }: { from: Date; to: Date; stepSeconds: number },
): Promise<readonly PromSeries[]> {
  const range = `start=${from.getTime() / 1000}&end=${to.getTime() / 1000}&step=${stepSeconds}`;
  const { result } = (await prometheus.api(`query_range?query=${encodeURIComponent(expr)}&${range}`)) as { result: PromSeries[] };
  return result;
}

/** Values as of now; `expr` may be a range selector: then all samples of it. */
export async function askNow(prometheus: PrometheusServer, expr: string): Promise<readonly PromSeries[]> {
  const { result } = (await prometheus.api(`query?query=${encodeURIComponent(expr)}`)) as {
    result: (Omit<PromSeries, 'values'> & { value?: readonly [number, string]; values?: PromSeries['values'] })[];
  };
  return result.map(({ metric, value, values }) => ({ metric, values: values ?? (value === undefined ? [] : [value]) }));
}

/** What a variable of Prometheus offers, of what there was within the range: `label_values(selector, label)`. */
export async function askLabelValues(
  prometheus: PrometheusServer,
  query: string,
  range?: Pick<Shown, 'from' | 'to'>,
): Promise<readonly string[]> {
  const [, selector = '', label = ''] = /^label_values\((.+), *(\w+)\)$/.exec(query) ?? [];
  const within = range === undefined ? '' : `&start=${range.from.getTime() / 1000}&end=${range.to.getTime() / 1000}`;
  return (await prometheus.api(`label/${label}/values?match[]=${encodeURIComponent(selector)}${within}`)) as string[];
}

/** What All stands for, of variables of Prometheus that have no value of their own for it: all that they list, one after the other as a page asks. */
export async function askAllValues(
  prometheus: PrometheusServer,
  dashboard: Dashboard,
  shown: Shown,
): Promise<Record<string, string[]>> {
  const listed: Record<string, string[]> = {};
  for (const { name, type, query, allValue } of dashboard.templating?.list ?? []) {
    if (type !== 'query' || typeof query !== 'string' || !query.startsWith('label_values') || allValue !== undefined) continue;
    const text = expandPromql(dashboard, query, { ...shown, variables: listed }, 1000);
    listed[name] = [...(await askLabelValues(prometheus, text, shown))];
  }
  return listed;
}

/** What a page marks of the series of an annotation, by title: moments of one series that are no further apart than a step are one region. */
export function marksOf(
  series: readonly PromSeries[],
  { legendFormat, useValueForTime }: Pick<Target, 'legendFormat' | 'useValueForTime'>,
  stepMs: number,
): { readonly title: string; readonly atMs: number; readonly endMs: number }[] {
  return series.flatMap((one) => {
    const regions: { title: string; atMs: number; endMs: number }[] = [];
    for (const [at, value] of one.values) {
      if (useValueForTime !== true && !(Number(value) > 0)) continue;
      const atMs = Math.floor(useValueForTime === true ? Number(value) : at * 1000);
      const open = regions.at(-1);
      if (open !== undefined && open.endMs + stepMs >= atMs) open.endMs = atMs;
      else regions.push({ title: nameOf(one, legendFormat), atMs, endMs: atMs });
    }
    return regions;
  });
}

/** The name of a line: its legend filled in. */
export function nameOf({ metric }: PromSeries, legend: string | undefined): string {
  return (legend ?? '').replace(/\{\{ *(\w+) *\}\}/g, (_, label: string) => metric[label] ?? '').trim();
}
