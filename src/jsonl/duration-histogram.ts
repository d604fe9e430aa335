// Durations counted in buckets that grow by 2^(1/32): quantiles within 1.1 % in memory that does not grow with the count. As the rollups of
// the archive have it, rank rule too: the first bucket up to which at least the share `q` of all is counted.

const BUCKETS_PER_DOUBLING = 32;
const GROWTH = 2 ** (1 / BUCKETS_PER_DOUBLING);

export class DurationHistogram {
  /** By the index of the bucket that ends at 2^(index / 32); -Infinity holds the zeros. */
  readonly #counts = new Map<number, number>();
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  /** @param duration 0 or more, in any unit @param weight how often it is counted */
  add(duration: number, weight: number): void {
    const bucket = duration === 0 ? -Infinity : Math.ceil(Math.log2(duration) * BUCKETS_PER_DOUBLING);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + weight);
    this.#count += weight;
    this.#sum += duration * weight;
    if (duration < this.#min) this.#min = duration;
    if (duration > this.#max) this.#max = duration;
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

  /** Off by the same share at both ends of the bucket. */
  #valueOf(bucket: number): number {
    const value = (2 * 2 ** (bucket / BUCKETS_PER_DOUBLING)) / (1 + GROWTH);
    return Math.min(Math.max(value, this.#min), this.#max);
  }
}
