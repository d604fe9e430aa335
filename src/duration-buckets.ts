// The histogram of durations: which bucket a duration falls in, and what it stands for. Buckets grow by 2 ^ (1 / 32), so that quantiles are
// within 1.1 %. Borders of whole microseconds are exact integers, the same as keepwatch.bucket_bounds() has them, so that what is counted here
// and what Postgres counts agree in every bucket.

/** Where a duration of no microseconds goes. */
export const ZERO_BUCKET = -32_768;
const BUCKETS_PER_DOUBLING = 32;
const GROWTH = 2 ** (1 / BUCKETS_PER_DOUBLING);
/** Bounds: as many as there are powers of 2 ^ (1 / 32) below 2 ^ 63. */
const BOUNDS = 63 * BUCKETS_PER_DOUBLING;
/** From here on doubles do not hold all integers. */
const EXACT_BUCKETS = 53 * BUCKETS_PER_DOUBLING;
/** Up to here a power of 2 is exact enough to tell its whole part, unless it is next to an integer. */
const SAFE_BUCKETS = 40 * BUCKETS_PER_DOUBLING;
const NEXT_TO_AN_INTEGER = 1e-3;
/** What Postgres has for a duration that is too long, or not a number: keepwatch.duration_us(). */
const LONGEST_MS = 9.2e15;
const LONGEST_US = 9.2e18;

/** A duration as rollups count it: whole microseconds, rounded as Postgres does (ties to even), never below 0. */
export function toMicroseconds(durationMs: number): number {
  if (durationMs <= 0) return 0;
  if (!(durationMs < LONGEST_MS)) return LONGEST_US;
  const exact = durationMs * 1000;
  const rounded = Math.round(exact);
  return rounded - exact === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Of durations below 72 minutes the first bits give the bucket, but for a step. Measured (Node 20): a fifth of the time of a logarithm. */
const LEADING_BITS = 8;
const VALUES_OF_32_BITS = 4_294_967_296;

let guesses: Int16Array | undefined;
let numbers: Float64Array | undefined;
let integers: readonly bigint[] | undefined;

/** The bucket of a duration in whole microseconds: `bound(bucket) < us <= bound(bucket + 1)`. */
export function bucketOf(us: number): number {
  if (!(us >= 1 && us < VALUES_OF_32_BITS)) return us <= 0 ? ZERO_BUCKET : searchBucket(us);
  const shift = Math.max(0, 32 - LEADING_BITS - Math.clz32(us));
  guesses ??= guessBuckets();
  let bucket = guesses[(shift << LEADING_BITS) | (us >>> shift)] ?? 0;
  while (numbers !== undefined && (numbers[bucket + 1] ?? Infinity) < us) bucket++;
  return bucket;
}

/** The bucket of the shortest duration with the same leading bits: the right one, or one or two too low. */
function guessBuckets(): Int16Array {
  const found = new Int16Array((33 - LEADING_BITS) << LEADING_BITS);
  return found.map((_, index) => {
    const shift = index >>> LEADING_BITS;
    const leading = index & ((1 << LEADING_BITS) - 1);
    return leading === 0 ? 0 : searchBucket(leading * 2 ** shift);
  });
}

function searchBucket(us: number): number {
  numbers ??= Float64Array.from({ length: EXACT_BUCKETS }, (_, index) => Number(bucketBound(index)));
  // An estimate that is never off by more than a few buckets, set right by the exact bounds.
  let bucket = Math.floor(Math.log2(us) * BUCKETS_PER_DOUBLING);
  if (bucket >= EXACT_BUCKETS - 8) return bucketOfLong(us);
  while (bucket >= 0 && (numbers[bucket] ?? 0) >= us) bucket--;
  while ((numbers[bucket + 1] ?? Infinity) < us) bucket++;
  return bucket;
}

/**
 * The same for a duration of 0 or more that may have a fraction: as exact as a logarithm, and below a microsecond there are as many buckets as
 * there are doublings, down to -Infinity for none.
 */
export function bucketOfFraction(us: number): number {
  return Math.ceil(Math.log2(us) * BUCKETS_PER_DOUBLING) - 1;
}

/** The microseconds that a bucket of `bucketOfFraction` stands for, off by the same share at both of its ends: keepwatch.bucket_value(). */
export function bucketValue(bucket: number): number {
  return (2 * 2 ** ((bucket + 1) / BUCKETS_PER_DOUBLING)) / (1 + GROWTH);
}

/** Durations of centuries, which nobody measures: slow, and exact all the same. */
function bucketOfLong(us: number): number {
  integers ??= Array.from({ length: BOUNDS }, (_, index) => bucketBound(index));
  return integers.findLastIndex((bound) => bound < us);
}

/** Bound `index` in microseconds: the whole part of 2 ^ (index / 32). */
export function bucketBound(index: number): bigint {
  const power = 2 ** (index / BUCKETS_PER_DOUBLING);
  const distance = Math.abs(power - Math.round(power));
  if (index < SAFE_BUCKETS && (distance > NEXT_TO_AN_INTEGER || index % BUCKETS_PER_DOUBLING === 0))
    return BigInt(Math.floor(power));
  let root = 1n << BigInt(index);
  for (let halving = 0; halving < 5; halving++) root = squareRoot(root);
  return root;
}

/** The whole part of it, by Newton's method from above. */
function squareRoot(value: bigint): bigint {
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
