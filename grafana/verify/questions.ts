// What the committed dashboards ask, as Grafana's page would send it: a question for each target of each panel, each variable that lists values, and each
// annotation.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One target of one panel, one variable, or one annotation. */
export interface Question {
  /** Below grafana/dashboards. */
  readonly file: string;
  readonly dashboard: string;
  /** Title of the panel; `variable job`, `annotation Starts`. */
  readonly panel: string;
  readonly refId: string;
  /** Of the data source, as Grafana knows it: `prometheus`, `grafana-postgresql-datasource`. */
  readonly type: string;
  /** The shortest step of the panel. */
  readonly minStepMs: number;
  /** What is sent, once variables are filled in. Macros (`$__…`) are Grafana's. */
  readonly query: Readonly<Record<string, unknown>>;
  /** The variable whose values are the answer. */
  readonly lists?: string;
}

/** A dashboard with all its questions: those of variables first, in the order in which they need each other. */
export interface AskedDashboard {
  readonly file: string;
  readonly questions: readonly Question[];
  readonly variables: readonly Variable[];
}

interface Target {
  readonly refId: string;
  readonly datasource?: { readonly type?: string };
  readonly hide?: boolean;
}
interface Panel {
  readonly type: string;
  readonly title?: string;
  readonly interval?: string;
  readonly datasource?: { readonly type?: string };
  readonly targets?: readonly Target[];
  /** Of a row that is folded. */
  readonly panels?: readonly Panel[];
}
export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly allValue?: string;
  readonly query?: unknown;
  readonly datasource?: { readonly type?: string };
}
interface Annotation {
  readonly name?: string;
  readonly datasource?: { readonly type?: string };
  readonly expr?: string;
  readonly target?: Readonly<Record<string, unknown>>;
}
interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating?: { readonly list?: readonly Variable[] };
  readonly annotations?: { readonly list?: readonly Annotation[] };
}
/** Values that variables have listed, by name. */
export type Listed = Readonly<Record<string, readonly string[]>>;

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
/** Of a panel that names none: what Prometheus is usually scraped at. */
const MIN_STEP_MS = 15_000;
/** Of annotations. */
const MARK_STEP_MS = 60_000;

/**
 * All dashboards of a folder, by file name.
 * @throws Error for a panel, a variable or an annotation that names no data source: nobody could say whom Grafana would ask
 */
export function readDashboards(folder: string): AskedDashboard[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  return files.sort().map((file) => {
    const dashboard = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard;
    const variables = dashboard.templating?.list ?? [];
    const asked = [
      ...variables.filter(({ type }) => type === 'query').map(ofVariable),
      ...ofPanels(dashboard),
      ...ofAnnotations(dashboard),
    ];
    return { file, variables, questions: asked.map((question) => whole(file, dashboard.title, question)) };
  });
}

type Part = Omit<Question, 'file' | 'dashboard' | 'type'> & { readonly type: string | undefined };

function whole(file: string, dashboard: string, part: Part): Question {
  const { type } = part;
  if (type === undefined) throw new Error(`${file}, ${part.panel}: names no data source`);
  return { file, dashboard, ...part, type };
}

function ofVariable({ name, query, datasource }: Variable): Part {
  const text = String(query);
  const sent = datasource?.type === 'prometheus' ? { labelValues: text } : { rawSql: text, format: 'table', rawQuery: true };
  return { panel: `variable ${name}`, refId: 'A', type: datasource?.type, minStepMs: MARK_STEP_MS, query: sent, lists: name };
}

function ofPanels(dashboard: Dashboard): Part[] {
  const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  return panels.flatMap((panel) =>
    (panel.targets ?? [])
      .filter(({ hide }) => hide !== true)
      .map((target) => {
        const type = target.datasource?.type ?? panel.datasource?.type;
        return { panel: panel.title ?? '', refId: target.refId, type, minStepMs: stepOf(panel), query: { ...target } };
      }),
  );
}

function ofAnnotations({ annotations }: Dashboard): Part[] {
  return (annotations?.list ?? []).map(({ name = '', datasource, expr, target }) => {
    const query = expr === undefined ? { ...target } : { expr, range: true, instant: false, exemplar: false };
    return { panel: `annotation ${name}`, refId: 'X', type: datasource?.type, minStepMs: MARK_STEP_MS, query };
  });
}

function stepOf({ interval = '' }: Panel): number {
  const [, count, unit = ''] = /^>?(\d+)([smh])$/.exec(interval) ?? [];
  return count === undefined ? MIN_STEP_MS : Number(count) * (UNIT_MS[unit] ?? 1000);
}

/**
 * A query with its variables at All, in every text. A word behind `$` that is no variable of the dashboard stays: it is a macro, or none of ours.
 * @throws Error for a variable that has neither a value for All nor listed any: nobody could say what Grafana would send
 */
export function fillVariables(value: unknown, variables: readonly Variable[], listed: Listed, fromMs: number): unknown {
  const fill = (each: unknown): unknown => {
    if (Array.isArray(each)) return each.map(fill);
    if (typeof each === 'object' && each !== null)
      return Object.fromEntries(Object.entries(each).map(([key, part]) => [key, fill(part)]));
    if (typeof each !== 'string') return each;
    return each.replace(/\$\{(\w+)(?::(\w+))?\}|\$(\w+)/g, (written, inBraces?: string, format?: string, bare?: string) => {
      const name = inBraces ?? bare ?? '';
      // The page fills in this one; all other macros are the server's.
      if (name === '__from') return String(fromMs);
      const variable = variables.find((one) => one.name === name);
      return variable === undefined ? written : allOf(variable, listed[name], format);
    });
  };
  return fill(value);
}

/** Grafana takes what stands for All as it is, whatever the format; without it, All is what is listed, here as Prometheus has it. */
function allOf(
  { name, type, allValue, query }: Variable,
  listed: readonly string[] | undefined,
  format: string | undefined,
): string {
  if (allValue !== undefined) return allValue;
  if (type === 'textbox' && typeof query === 'string') return format === 'sqlstring' ? `'${query.replaceAll("'", "''")}'` : query;
  if (listed === undefined) throw new Error(`the variable ${name} has no value for All, and lists none`);
  const texts = listed.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\\\$&'));
  return texts.length === 1 ? (texts[0] ?? '') : `(${texts.join('|')})`;
}
