// Who runs when. Machines are noisy, so contenders take turns in short slices (A b c A d e A, A = the reference), and each slice is
// compared only with the reference slices just before and after it.
import { type Estimate, estimate } from './statistics.ts';

/** A slice of a contender, with the reference slices around it. */
export interface Turn<Slice> {
  readonly contender: string;
  readonly slice: Slice;
  readonly before: Slice;
  readonly after: Slice;
}

/** The order of one round: the reference first, last, and after every second contender; the contenders rotate from round to round. */
export function orderOfRound(reference: string, contenders: readonly string[], round: number): string[] {
  const start = contenders.length === 0 ? 0 : round % contenders.length;
  const order = [reference];
  for (const [index, contender] of [...contenders.slice(start), ...contenders.slice(0, start)].entries()) {
    order.push(contender);
    if (index % 2 === 1 || index === contenders.length - 1) order.push(reference);
  }
  return order;
}

/** Runs one round, a slice at a time, and pairs what it measured. */
export async function takeTurns<Slice>(
  reference: string,
  contenders: readonly string[],
  round: number,
  runSlice: (contender: string) => Promise<Slice>,
): Promise<Turn<Slice>[]> {
  const turns: Turn<Slice>[] = [];
  let waiting: { contender: string; slice: Slice }[] = [];
  let before: Slice | undefined;
  for (const contender of orderOfRound(reference, contenders, round)) {
    const slice = await runSlice(contender);
    if (contender !== reference) {
      waiting.push({ contender, slice });
      continue;
    }
    for (const turn of waiting) if (before !== undefined) turns.push({ ...turn, before, after: slice });
    waiting = [];
    before = slice;
  }
  return turns;
}

/** The contender's value itself, over all its turns. */
export function estimateOf<S>(turns: readonly Turn<S>[], contender: string, value: (slice: S) => number): Estimate {
  return estimate(turns.filter((turn) => turn.contender === contender).map((turn) => value(turn.slice)));
}

/** The reference's value, each slice around a turn counted once. */
export function estimateOfReference<S>(turns: readonly Turn<S>[], value: (slice: S) => number): Estimate {
  return estimate([...new Set(turns.flatMap((turn) => [turn.before, turn.after]))].map(value));
}

/** The contender's value divided by the mean of the reference slices around it. */
export function ratioOf<S>(turns: readonly Turn<S>[], contender: string, value: (slice: S) => number): Estimate {
  return compare(turns, contender, value, (own, reference) => own / reference);
}

/** The contender's value minus the mean of the reference slices around it. */
export function differenceOf<S>(turns: readonly Turn<S>[], contender: string, value: (slice: S) => number): Estimate {
  return compare(turns, contender, value, (own, reference) => own - reference);
}

/**
 * The value of one contender minus that of another, paired by round: both ran within it, neighbours where they stand next to each other in
 * the list of contenders.
 */
export function pairedDifferenceOf<S>(
  rounds: readonly (readonly Turn<S>[])[],
  contender: string,
  other: string,
  value: (slice: S) => number,
): Estimate {
  return comparePairs(rounds, contender, other, value, (own, others) => own - others);
}

/** The value of one contender divided by that of another, paired by round. */
export function pairedRatioOf<S>(
  rounds: readonly (readonly Turn<S>[])[],
  contender: string,
  other: string,
  value: (slice: S) => number,
): Estimate {
  return comparePairs(rounds, contender, other, value, (own, others) => own / others);
}

function comparePairs<S>(
  rounds: readonly (readonly Turn<S>[])[],
  contender: string,
  other: string,
  value: (slice: S) => number,
  combine: (own: number, others: number) => number,
): Estimate {
  const pairs = rounds.flatMap((turns) => {
    const own = turns.find((turn) => turn.contender === contender);
    const others = turns.find((turn) => turn.contender === other);
    return own === undefined || others === undefined ? [] : [combine(value(own.slice), value(others.slice))];
  });
  return estimate(pairs);
}

function compare<S>(
  turns: readonly Turn<S>[],
  contender: string,
  value: (slice: S) => number,
  combine: (own: number, reference: number) => number,
): Estimate {
  const own = turns.filter((turn) => turn.contender === contender);
  return estimate(own.map((turn) => combine(value(turn.slice), (value(turn.before) + value(turn.after)) / 2)));
}
