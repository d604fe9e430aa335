// How many series of each rule are in each state, for metrics: of as many rules as metrics may tell apart.
import type { State } from './state.ts';

export interface StateCount {
  readonly alertname: string;
  readonly state: State;
  readonly count: number;
}

const STATES = ['ok', 'pending', 'firing', 'recovering', 'nodata'] as const satisfies readonly State[];

/** Rules that metrics tell apart at most; the others are one. */
const MAX_ALERTNAMES = 1000;
const OTHER_ALERTNAME = '__other__';

/** Every rule with every state, so that a gauge goes back to 0. @param names of all rules @param found series by rule and state */
export function countStates(
  names: readonly string[],
  found: readonly { rule: string; state: State; count: number }[],
): StateCount[] {
  const given = new Set([...names, ...found.map(({ rule }) => rule)]);
  const known = new Set([...given].slice(0, MAX_ALERTNAMES));
  const counts = new Map<string, number>();
  for (const { rule, state, count } of found) {
    const alertname = known.has(rule) ? rule : OTHER_ALERTNAME;
    const key = JSON.stringify([alertname, state]);
    counts.set(key, (counts.get(key) ?? 0) + count);
  }
  const all = given.size > known.size ? [...known, OTHER_ALERTNAME] : [...known];
  return all.flatMap((alertname) =>
    STATES.map((state) => ({ alertname, state, count: counts.get(JSON.stringify([alertname, state])) ?? 0 })),
  );
}
