// One exemplar for each bucket that was hit by a traced execution: ids, value and time in typed arrays. Shown in OpenMetrics only.
import { formatValue } from '../exposition/exposition-text.ts';
import type { SpanWords } from '../recording/ring.ts';
import { grown } from './metric.ts';

/** A bucket's exemplar stays for at least this long: observations are many, and a scrape shows only one. */
const KEPT_MS = 1000;
const WORDS = 6;

/** An exemplar as prom-client's registry wants it. */
export interface Exemplar {
  readonly labelSet: { readonly trace_id: string; readonly span_id: string };
  readonly value: number;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

/** Memory: 4 bytes per bucket of the histogram, and 40 for each that has an exemplar. */
export class Exemplars {
  /** By bucket: its row below, counted from 1; 0 for none. */
  #rows = new Uint32Array(64);
  #count = 0;
  #ids = new Int32Array(8 * WORDS);
  #values = new Float64Array(8);
  #atMs = new Float64Array(8);

  /**
   * Takes an observation as the exemplar of its bucket, unless the bucket has one from the last second.
   * @param atMs its moment, by the process clock
   */
  note(bucket: number, value: number, span: SpanWords, atMs: number): void {
    const row = bucket < this.#rows.length ? (this.#rows[bucket] as number) : 0;
    if (row === 0) this.#put(this.#addRow(bucket), value, span, atMs);
    else if (atMs - (this.#atMs[row - 1] as number) >= KEPT_MS) this.#put(row - 1, value, span, atMs);
  }

  #addRow(bucket: number): number {
    if (bucket >= this.#rows.length) {
      const larger = new Uint32Array(Math.max(bucket + 1, 2 * this.#rows.length));
      larger.set(this.#rows);
      this.#rows = larger;
    }
    const row = this.#count++;
    this.#rows[bucket] = row + 1;
    this.#values = grown(this.#values, this.#count);
    this.#atMs = grown(this.#atMs, this.#count);
    if (this.#count * WORDS > this.#ids.length) {
      const larger = new Int32Array(2 * this.#ids.length);
      larger.set(this.#ids);
      this.#ids = larger;
    }
    return row;
  }

  #put(row: number, value: number, span: SpanWords, atMs: number): void {
    this.#values[row] = value;
    this.#atMs[row] = atMs;
    const ids = this.#ids;
    const at = row * WORDS;
    ids[at] = span.trace0;
    ids[at + 1] = span.trace1;
    ids[at + 2] = span.trace2;
    ids[at + 3] = span.trace3;
    ids[at + 4] = span.span0;
    ids[at + 5] = span.span1;
  }

  /** The exemplar of a bucket; undefined when it has none. */
  get(bucket: number): Exemplar | undefined {
    const row = this.#rows[bucket] ?? 0;
    if (row === 0) return undefined;
    const at = (row - 1) * WORDS;
    const hex = (from: number, to: number) =>
      Array.from(this.#ids.subarray(at + from, at + to), (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
    return {
      labelSet: { trace_id: hex(0, 4), span_id: hex(4, 6) },
      value: this.#values[row - 1] as number,
      timestamp: Math.round(this.#atMs[row - 1] as number) / 1000,
    };
  }

  /** What follows the value on the line of a bucket: empty without exemplar. The labels are 63 characters; OpenMetrics allows 128. */
  text(bucket: number): string {
    const exemplar = this.get(bucket);
    if (exemplar === undefined) return '';
    const { labelSet, value, timestamp } = exemplar;
    return ` # {trace_id="${labelSet.trace_id}",span_id="${labelSet.span_id}"} ${formatValue(value)} ${timestamp}`;
  }

  clear(): void {
    this.#rows.fill(0);
    this.#count = 0;
  }
}
