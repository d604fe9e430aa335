// What a batch adds to the rollups of one minute, series and status, and how binary COPY has it.
import type { Histograms } from './histogram-cells.ts';
import type { SeriesStatus } from './series.ts';

const VALUES_OF_32_BITS = 4_294_967_296;
const MAX_BIGINT = 9_223_372_036_854_775_807n;
const MINUTE_US = 60_000_000;
const COLUMNS = 10;
const INT2_OID = 21;
const INT8_OID = 20;
const ARRAY_HEAD_BYTES = 20;
/** Of all fields but the text and the elements of the arrays. */
const FIXED_BYTES = 2 + COLUMNS * 4 + 7 * 8 + 2 * ARRAY_HEAD_BYTES;
const BYTES_OF_BUCKET = 4 + 2 + 4 + 8;
const MAX_BYTES_OF_UNIT = 3;

export class Delta {
  readonly of: SeriesStatus;
  /** Minutes since 2000-01-01. */
  readonly minute: number;
  /** In its batch, counted from 0. */
  readonly index: number;
  #rows = 0;
  #count = 0;
  #sum = 0;
  /** What does not fit in a double without loss. */
  #largeSum = 0n;
  #min = Infinity;
  #max = 0;

  constructor(of: SeriesStatus, minute: number, index: number) {
    this.of = of;
    this.minute = minute;
    this.index = index;
  }

  /** Adds a row, but for its bucket. @param us its duration, whole microseconds */
  add(us: number, weight: number): void {
    this.#rows++;
    this.#count += weight;
    const total = us * weight;
    if (this.#sum + total <= Number.MAX_SAFE_INTEGER) this.#sum += total;
    else this.#largeSum += BigInt(us) * BigInt(weight);
    if (us < this.#min) this.#min = us;
    if (us > this.#max) this.#max = us;
  }

  /** Room that it takes at most. @param buckets of its histogram */
  maxBytes(buckets: number): number {
    return FIXED_BYTES + MAX_BYTES_OF_UNIT * this.of.status.length + buckets * BYTES_OF_BUCKET;
  }

  /** Writes it as a tuple of binary COPY, in the order of `copy-deltas.sql`. @returns its end */
  write(target: Buffer, view: DataView, from: number, histograms: Histograms): number {
    const { series, status } = this.of;
    view.setInt16(from, COLUMNS);
    let at = writeInteger(view, from + 2, this.minute * MINUTE_US);
    view.setInt32(at, 8);
    view.setInt32(at + 4, series.idHigh);
    view.setInt32(at + 8, series.idLow);
    at += 12;
    const length = target.write(status, at + 4);
    view.setInt32(at, length);
    at = writeInteger(view, at + 4 + length, this.#rows);
    at = writeInteger(view, at, this.#count);
    at = this.#largeSum === 0n ? writeInteger(view, at, this.#sum) : this.#writeLargeSum(view, at);
    at = writeInteger(view, at, this.#min);
    at = writeInteger(view, at, this.#max);
    return this.#writeHistogram(view, at, histograms);
  }

  #writeLargeSum(view: DataView, at: number): number {
    const sum = BigInt(this.#sum) + this.#largeSum;
    view.setInt32(at, 8);
    view.setBigInt64(at + 4, sum > MAX_BIGINT ? MAX_BIGINT : sum);
    return at + 12;
  }

  /** Two arrays of one length: the buckets, ascending, and the counts. */
  #writeHistogram(view: DataView, from: number, { buckets, counts, ends }: Histograms): number {
    const first = ends[this.index - 1] ?? 0;
    const end = ends[this.index] ?? 0;
    let at = writeArrayHead(view, from, INT2_OID, end - first, 2);
    for (let cell = first; cell < end; cell++, at += 6) {
      view.setInt32(at, 2);
      view.setInt16(at + 4, buckets[cell] ?? 0);
    }
    at = writeArrayHead(view, at, INT8_OID, end - first, 8);
    for (let cell = first; cell < end; cell++) at = writeInteger(view, at, counts[cell] ?? 0);
    return at;
  }
}

/** The minute of a timestamp of Postgres. @param us microseconds since 2000-01-01 */
export function minuteOf(us: number): number {
  return Math.floor(us / MINUTE_US);
}

/** A bigint field. @param value a whole number that a double holds, below 2^63 */
function writeInteger(view: DataView, at: number, value: number): number {
  const high = Math.floor(value / VALUES_OF_32_BITS);
  view.setInt32(at, 8);
  view.setInt32(at + 4, high);
  view.setUint32(at + 8, value - high * VALUES_OF_32_BITS);
  return at + 12;
}

/** Length, one dimension, no nulls, type, elements, first index. */
function writeArrayHead(view: DataView, at: number, type: number, elements: number, bytes: number): number {
  view.setInt32(at, ARRAY_HEAD_BYTES + elements * (4 + bytes));
  view.setInt32(at + 4, 1);
  view.setInt32(at + 8, 0);
  view.setInt32(at + 12, type);
  view.setInt32(at + 16, elements);
  view.setInt32(at + 20, 1);
  return at + 24;
}
