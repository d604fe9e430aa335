// Seeded randomness: the same seed gives the same demo. Not for anything secret.

/** A sequence of pseudo-random numbers. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number in [0, size). */
  below(size: number): number;
  /** One of the items, all equally likely. @throws RangeError for an empty list */
  pick<T>(items: readonly T[]): T;
  /** Log-normal: half of the values lie under `median`, one in a hundred above `p99`. The shape of real latencies. */
  logNormal(median: number, p99: number): number;
}

/** z-score of the 99th percentile of the normal distribution. */
const Z99 = 2.326_347_874;

/** Mulberry32 (Tommy Ettinger): 32 bits of state, good enough for traffic. @param seed any number; its 32-bit integer part counts */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (size: number): number => Math.floor(next() * size);
  return {
    next,
    below,
    pick(items) {
      if (items.length === 0) throw new RangeError('cannot pick from an empty list');
      return items[below(items.length)] as (typeof items)[number];
    },
    logNormal(median, p99) {
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      return median * Math.exp((Math.log(p99 / median) / Z99) * normal);
    },
  };
}
