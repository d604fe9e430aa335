// Panels that ask both data sources the same, and how their answers are compared once nothing moves: counters as raw samples, so that nothing is
// extrapolated, against one step of SQL that holds all that ever happened.
import { SUBJECTS } from '../../grafana/src/dashboards.ts';
import type { DashboardDefinition, Panel, PromQuestion } from '../../grafana/src/panel.ts';

export interface PanelPair {
  readonly definition: DashboardDefinition;
  readonly panel: Panel;
  readonly prometheus: readonly PromQuestion[];
  readonly postgres: readonly string[];
}

/** In the order of the dashboards; a panel that stands in several is there for each. */
export function panelPairs(): PanelPair[] {
  return SUBJECTS.flatMap((definition) =>
    definition.rows.flatMap(({ panels }) =>
      panels.flatMap((panel) => {
        const { prometheus = [], postgres = [] } = panel;
        return prometheus.length > 0 && postgres.length > 0 ? [{ definition, panel, prometheus, postgres }] : [];
      }),
    ),
  );
}

/** What a question is about: how much happened, a share of it, a quantile of durations, or how things are now. */
export type Subject = 'amount' | 'share' | 'quantile' | 'state';

const OVER_TIME = /\b(?:rate|increase)\((\w+\{[^}]*\})\[[^\]]*\]\)/g;

export function subjectOf({ unit }: Panel, { expr }: PromQuestion): Subject {
  if (expr.startsWith('histogram_quantile(')) return 'quantile';
  if (expr.search(OVER_TIME) < 0) return 'state';
  return unit === 'percentunit' ? 'share' : 'amount';
}

/** The same of all time: counters instead of their rates. */
export function ofAllTime(expr: string): string {
  return expr.replace(OVER_TIME, '$1');
}

/** Whether it is a rate, which a step multiplies, or a sum of the range. */
export function isPerSecond(expr: string): boolean {
  return /\brate\(/.test(expr);
}

/** A step in milliseconds within which a range lies, and its begin; `date_bin` and `$__timeGroup` cut time alike there. */
export function stepAround(from: Date, to: Date): { readonly begin: Date; readonly stepMs: number } | undefined {
  // Whole divisors of the 96 hours between 1970-01-01, where $__timeGroup begins, and Monday, 1970-01-05.
  for (const hours of [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 96]) {
    const stepMs = hours * 3_600_000;
    const begin = Math.floor(from.getTime() / stepMs) * stepMs;
    if (to.getTime() < begin + stepMs) return { begin: new Date(begin), stepMs };
  }
  return undefined;
}

/** What names have another value in one than in the other; what is missing is like nothing. */
export function differences(
  ours: ReadonlyMap<string, number>,
  theirs: ReadonlyMap<string, number>,
  isAlike: (ours: number, theirs: number, name: string) => boolean,
): string[] {
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((name) => {
    const [one, other] = [ours.get(name) ?? Number.NaN, theirs.get(name) ?? Number.NaN];
    return isAlike(one, other, name) ? [] : [`${name === '' ? 'the value' : name}: ${one} in Prometheus, ${other} in Postgres`];
  });
}
