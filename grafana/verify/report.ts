// What `npm run grafana:verify` says: by dashboard and panel what failed or gave nothing, and how many had values.
import type { Answer } from './grafana.ts';
import type { Question } from './questions.ts';

export interface Asked extends Answer {
  readonly question: Question;
}

/** Panels of what is empty as long as nothing is wrong, or nobody has set it up. */
export const MAY_BE_EMPTY: ReadonlySet<string> = new Set([
  'Alerts',
  'Budgets',
  'Log lines',
  'Spans',
  'Evaluations that failed',
  'Messages that wait or were given up',
  'Targets beside code',
  'annotation Alerts',
  'annotation Alerts of Prometheus',
  'annotation Starts',
]);

export interface Totals {
  readonly dashboards: number;
  readonly questions: number;
  readonly ok: number;
  readonly failed: number;
  /** Gave nothing, though they should have. */
  readonly empty: number;
  /** Gave nothing, and may. */
  readonly quiet: number;
}

export function totalsOf(asked: readonly Asked[]): Totals {
  const count = (is: (one: Asked) => boolean) => asked.filter(is).length;
  return {
    dashboards: new Set(asked.map(({ question }) => question.file)).size,
    questions: asked.length,
    ok: count(({ outcome }) => outcome === 'ok'),
    failed: count(({ outcome }) => outcome === 'failed'),
    empty: count((one) => one.outcome === 'empty' && !isQuiet(one)),
    quiet: count(isQuiet),
  };
}

function isQuiet({ outcome, question }: Asked): boolean {
  return outcome === 'empty' && MAY_BE_EMPTY.has(question.panel);
}

/** Lines for people. */
export function describe(asked: readonly Asked[]): string {
  const files = [...new Set(asked.map(({ question }) => question.file))];
  const { dashboards, questions, ok, failed, empty, quiet } = totalsOf(asked);
  const quietly = quiet === 0 ? '' : `, ${quiet} with nothing, as may be`;
  const total = `${dashboards} dashboards, ${questions} questions: ${ok} with values, ${failed} failed, ${empty} with nothing${quietly}`;
  return `${files.map((file) => describeFile(asked.filter(({ question }) => question.file === file))).join('')}${total}\n`;
}

function describeFile(asked: readonly Asked[]): string {
  const { file = '', dashboard = '' } = asked[0]?.question ?? {};
  const ok = asked.filter(({ outcome }) => outcome === 'ok').length;
  const wrong = asked.flatMap((one) => {
    const { outcome, error = '', question } = one;
    const name = `${question.panel} (${question.refId})`;
    if (outcome === 'failed') return [`  failed   ${name}: ${oneLine(error)}\n`];
    if (outcome === 'empty') return [`  nothing  ${name}${isQuiet(one) ? ', as may be' : ''}\n`];
    return [];
  });
  return `${file}  ${dashboard}: ${ok} of ${asked.length} have values\n${wrong.join('')}`;
}

/** Grafana quotes whole statements. */
function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
}

/** The same for programs. */
export function toJson(grafana: { readonly url: string; readonly version: string }, asked: readonly Asked[]): string {
  const questions = asked.map(({ question: { file, dashboard, panel, refId }, outcome, values, ms, error }) => ({
    ...{ file, dashboard, panel, refId, outcome, values, ms },
    ...(error === undefined ? {} : { error }),
  }));
  return `${JSON.stringify({ grafana, totals: totalsOf(asked), questions }, undefined, 2)}\n`;
}
