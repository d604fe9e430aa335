// Medians and how sure they are. No assumption about the shape of the noise: a shared machine has long tails.

/** A median with the 95 % interval of the median. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

/** The median; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/**
 * The median and its interval by order statistics: the k-th smallest and the k-th largest value, k as large as a fair coin thrown
 * `n` times allows for 95 %. Below six values there is no such k: the interval is then the whole range.
 */
export function estimate(values: readonly number[]): Estimate {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = intervalRank(sorted.length);
  return {
    median: median(sorted),
    low: sorted[rank - 1] ?? Number.NaN,
    high: sorted[sorted.length - rank] ?? Number.NaN,
    samples: sorted.length,
  };
}

/** The largest k with P(Binomial(n, 1/2) < k) <= 0.025; at least 1. */
export function intervalRank(n: number): number {
  let probability = 0.5 ** n;
  let below = probability;
  let rank = 0;
  while (below <= 0.025 && rank < n) {
    rank++;
    probability *= (n - rank + 1) / rank;
    below += probability;
  }
  return Math.max(1, rank);
}
