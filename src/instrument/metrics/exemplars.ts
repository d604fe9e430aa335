// One exemplar for each bucket that was hit by a traced execution: ids, value and time in typed arrays. Shown in OpenMetrics only.
import { formatValue } from '../exposition/exposition-text.ts';
import { grown } from '../grown.ts';
import type { SpanWords } from '../recording/ring.ts';
import { formatTraceIds } from '../tracing/trace-context.ts';

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
    this.#rows = grown(this.#rows, bucket + 1);
    const row = this.#count++;
    this.#rows[bucket] = row + 1;
    this.#values = grown(this.#values, this.#count);
    this.#atMs = grown(this.#atMs, this.#count);
    this.#ids = grown(this.#ids, this.#count * WORDS);
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
    const ids = this.#ids;
    const at = (row - 1) * WORDS;
    const { traceId, spanId } = formatTraceIds({
      trace0: ids[at] as number,
      trace1: ids[at + 1] as number,
      trace2: ids[at + 2] as number,
      trace3: ids[at + 3] as number,
      span0: ids[at + 4] as number,
      span1: ids[at + 5] as number,
    });
    return {
      labelSet: { trace_id: traceId, span_id: spanId },
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
