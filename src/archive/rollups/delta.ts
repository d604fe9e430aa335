// What a batch adds to the rollups of one minute, series and status, and how binary COPY has it.
import { bucketOf } from '../../duration-buckets.ts';
import type { SeriesStatus } from './series.ts';

const VALUES_OF_32_BITS = 4_294_967_296;
const FIRST_BUCKET = 32_768;
const MAX_BIGINT = 9_223_372_036_854_775_807n;
const MINUTE_US = 60_000_000n;
const COLUMNS = 10;
const INT2_OID = 21;
const INT8_OID = 20;
/** Of all fields but the text and the elements of the arrays. */
const FIXED_BYTES = 2 + COLUMNS * 4 + 7 * 8 + 2 * 20;
const BYTES_OF_BUCKET = 4 + 2 + 4 + 8;

export class Delta {
  readonly of: SeriesStatus;
  /** Minutes since 2000-01-01. */
  readonly minute: number;
  #rows = 0;
  #count = 0;
  #sum = 0;
  /** What does not fit in a double without loss. */
  #largeSum = 0n;
  #min = Infinity;
  #max = 0;
  /** Bucket and weight of each row, in one number. */
  readonly #values: number[] = [];

  constructor(of: SeriesStatus, minute: number) {
    this.of = of;
    this.minute = minute;
  }

  /** Adds a row. @param us its duration, whole microseconds */
  add(us: number, weight: number): void {
    this.#rows++;
    this.#count += weight;
    const total = us * weight;
    if (this.#sum + total <= Number.MAX_SAFE_INTEGER) this.#sum += total;
    else this.#largeSum += BigInt(us) * BigInt(weight);
    if (us < this.#min) this.#min = us;
    if (us > this.#max) this.#max = us;
    this.#values.push((bucketOf(us) + FIRST_BUCKET) * VALUES_OF_32_BITS + weight);
  }

  /** Writes it as a tuple of binary COPY, in the order of `copy-deltas.sql`. @returns its end */
  write(target: Buffer, from: number): number {
    const { series, status } = this.of;
    let at = target.writeInt16BE(COLUMNS, from);
    at = writeBigint(target, at, BigInt(this.minute) * MINUTE_US);
    at = writeBigint(target, at, series.id);
    const length = target.write(status, at + 4);
    at = target.writeInt32BE(length, at) + length;
    const sum = BigInt(this.#sum) + this.#largeSum;
    at = writeBigint(target, at, BigInt(this.#rows));
    at = writeBigint(target, at, BigInt(this.#count));
    at = writeBigint(target, at, sum > MAX_BIGINT ? MAX_BIGINT : sum);
    at = writeBigint(target, at, BigInt(this.#min));
    at = writeBigint(target, at, BigInt(this.#max));
    return this.#writeHistogram(target, at);
  }

  /** Room that it takes at most. */
  get maxBytes(): number {
    return FIXED_BYTES + 3 * this.of.status.length + this.#values.length * BYTES_OF_BUCKET;
  }

  /** Two arrays of one length: the buckets, ascending, and the counts. */
  #writeHistogram(target: Buffer, from: number): number {
    const values = Float64Array.from(this.#values).sort();
    const buckets: number[] = [];
    const counts: number[] = [];
    for (const value of values) {
      const bucket = Math.floor(value / VALUES_OF_32_BITS);
      const weight = value - bucket * VALUES_OF_32_BITS;
      const last = buckets.length - 1;
      if (buckets[last] === bucket - FIRST_BUCKET) counts[last] = (counts[last] ?? 0) + weight;
      else {
        buckets.push(bucket - FIRST_BUCKET);
        counts.push(weight);
      }
    }
    let at = writeArrayHead(target, from, INT2_OID, buckets.length, 2);
    for (const bucket of buckets) at = target.writeInt16BE(bucket, target.writeInt32BE(2, at));
    at = writeArrayHead(target, at, INT8_OID, counts.length, 8);
    for (const count of counts) {
      at = target.writeInt32BE(8, at);
      at = target.writeInt32BE(Math.floor(count / VALUES_OF_32_BITS), at);
      at = target.writeUInt32BE(count % VALUES_OF_32_BITS, at);
    }
    return at;
  }
}

/** The minute of a timestamp of Postgres. @param us microseconds since 2000-01-01 */
export function minuteOf(us: number): number {
  return Math.floor(us / 60_000_000);
}

function writeBigint(target: Buffer, at: number, value: bigint): number {
  return target.writeBigInt64BE(value, target.writeInt32BE(8, at));
}

/** Length, one dimension, no nulls, type, elements, first index. */
function writeArrayHead(target: Buffer, from: number, type: number, elements: number, bytes: number): number {
  let at = target.writeInt32BE(20 + elements * (4 + bytes), from);
  for (const value of [1, 0, type, elements, 1]) at = target.writeInt32BE(value, at);
  return at;
}
