// What the committed dashboards ask, as Grafana's page would send it: a question for each target of each panel, its variables at All.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One target of one panel. */
export interface Question {
  /** Below grafana/dashboards. */
  readonly file: string;
  readonly dashboard: string;
  readonly panel: string;
  readonly refId: string;
  /** Of the data source, as Grafana knows it: `prometheus`, `grafana-postgresql-datasource`. */
  readonly type: string;
  /** The shortest step of the panel. */
  readonly minStepMs: number;
  /** What is sent: the target, with no variable left. Macros (`$__…`) are Grafana's. */
  readonly query: Readonly<Record<string, unknown>>;
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
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly allValue?: string;
  readonly query?: unknown;
}
interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating?: { readonly list?: readonly Variable[] };
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
/** Of a panel that names none: what Prometheus is usually scraped at. */
const MIN_STEP_MS = 15_000;

/**
 * All questions of a folder of dashboards, by file name.
 * @throws Error for a variable that has no value for All, and for a panel that names no data source: nobody could say what Grafana would send
 */
export function readQuestions(folder: string): Question[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  return files.sort().flatMap((file) => questionsOf(file, JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard));
}

function questionsOf(file: string, dashboard: Dashboard): Question[] {
  const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  return panels.flatMap((panel) =>
    (panel.targets ?? [])
      .filter(({ hide }) => hide !== true)
      .map((target): Question => {
        const type = target.datasource?.type ?? panel.datasource?.type;
        const where = `${file}, panel ${panel.title ?? ''}`;
        if (type === undefined) throw new Error(`${where}: names no data source`);
        const query = fillVariables(target, dashboard.templating?.list ?? [], where) as Record<string, unknown>;
        const names = { file, dashboard: dashboard.title, panel: panel.title ?? '', refId: target.refId };
        return { ...names, type, minStepMs: stepOf(panel), query };
      }),
  );
}

function stepOf({ interval = '' }: Panel): number {
  const [, count, unit = ''] = /^>?(\d+)([smh])$/.exec(interval) ?? [];
  return count === undefined ? MIN_STEP_MS : Number(count) * (UNIT_MS[unit] ?? 1000);
}

/** In every text of a target. A word behind `$` that is no variable of the dashboard stays: it is a macro, or none of ours. */
function fillVariables(value: unknown, variables: readonly Variable[], where: string): unknown {
  if (Array.isArray(value)) return value.map((each) => fillVariables(each, variables, where));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fillVariables(each, variables, where)]));
  if (typeof value !== 'string') return value;
  return value.replace(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g, (written, inBraces?: string, bare?: string) => {
    const variable = variables.find(({ name }) => name === (inBraces ?? bare));
    return variable === undefined ? written : allOf(variable, where);
  });
}

/** Grafana takes what stands for All as it is, whatever the format. */
function allOf({ name, type, allValue, query }: Variable, where: string): string {
  if (allValue !== undefined) return allValue;
  if ((type === 'textbox' || type === 'constant') && typeof query === 'string') return query;
  throw new Error(`${where}: the variable ${name} has no value for All`);
}
