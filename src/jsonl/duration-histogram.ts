// Durations counted in the buckets that the rollups of the archive have: quantiles in memory that does not grow with the count, by the same
// rank rule: the first bucket up to which at least the share `q` of all is counted.
import { bucketOfFraction, bucketValue } from '../duration-buckets.ts';

const US_PER_MS = 1000;

/** Of milliseconds. */
export class DurationHistogram {
  readonly #counts = new Map<number, number>();
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  /** @param durationMs 0 or more @param weight how often it is counted */
  add(durationMs: number, weight: number): void {
    const bucket = bucketOfFraction(durationMs * US_PER_MS);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + weight);
    this.#count += weight;
    this.#sum += durationMs * weight;
    if (durationMs < this.#min) this.#min = durationMs;
    if (durationMs > this.#max) this.#max = durationMs;
  }

  get count(): number {
    return this.#count;
  }

  get mean(): number {
    return this.#sum / this.#count;
  }

  get min(): number {
    return this.#min;
  }

  get max(): number {
    return this.#max;
  }

  /** The least durations that at least a share `q` of all do not exceed, in the order given. @param shares ascending, 0..1 */
  quantiles(shares: readonly number[]): number[] {
    const buckets = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return shares.map((share) => {
      let counted = 0;
      for (const [bucket, count] of buckets) {
        counted += count;
        if (counted >= share * this.#count) return this.#valueOf(bucket);
      }
      return this.#max;
    });
  }

  #valueOf(bucket: number): number {
    return Math.min(Math.max(bucketValue(bucket) / US_PER_MS, this.#min), this.#max);
  }
}
