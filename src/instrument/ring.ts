// Ended executions between recording and the sink: preallocated, bounded, counted. Knows nothing of time, metrics or files.
import {
  type DropReason,
  EVENT_STATUSES,
  type EventBatch,
  type EventCounts,
  type EventSeries,
  type EventStatus,
} from '../event.ts';

/** Index of an `EventStatus` in `EVENT_STATUSES`, as the ring stores it. */
export const STATUS_CODES = { success: 0, failure: 1, aborted: 2 } as const satisfies Record<EventStatus, number>;
export type StatusCode = (typeof STATUS_CODES)[EventStatus];

/** Ids of one execution as 32-bit words, as the ring stores them. */
export interface SpanWords {
  readonly trace0: number;
  readonly trace1: number;
  readonly trace2: number;
  readonly trace3: number;
  readonly span0: number;
  readonly span1: number;
  readonly parent0: number;
  readonly parent1: number;
  readonly hasParent: boolean;
}

/** Counts of everything that was recorded: `recorded = handedOn + waiting + sampledOut + all dropped`, at any moment. */
export interface RingCounts extends EventCounts {
  /** Events that a sink took. */
  readonly handedOn: number;
  /** Events still in the ring. */
  readonly waiting: number;
}

export interface RingOptions {
  /** Events at most; a power of two. Default 8192, which is about 700 kB. */
  readonly capacity?: number;
  /** Called when the ring becomes half full, from inside `push`: must only take a note. */
  readonly onHalfFull?: () => void;
}

const WORDS = 8;
const HAS_TRACE = 1;
const HAS_PARENT = 2;

/**
 * A full ring drops the new event, counted as `ring_full`.
 * @throws RangeError when the capacity is no power of two from 2 to 2^20
 */
export class EventRing {
  readonly capacity: number;
  readonly #mask: number;
  readonly #half: number;
  readonly #onHalfFull: () => void;
  readonly #endMs: Float64Array;
  readonly #durationMs: Float64Array;
  readonly #seriesIndex: Uint32Array;
  readonly #weight: Uint32Array;
  readonly #status: Uint8Array;
  readonly #present: Uint8Array;
  readonly #ids: Int32Array;
  readonly #metadata: (string | undefined)[];
  readonly #error: (string | undefined)[];
  readonly #series: EventSeries[] = [];
  #first = 0;
  #waiting = 0;
  #handedOn = 0;
  #sampledOut = 0;
  #droppedTotal = 0;
  readonly #dropped: Partial<Record<DropReason, number>> = {};

  constructor({ capacity = 8192, onHalfFull = () => {} }: RingOptions = {}) {
    if (!Number.isInteger(capacity) || capacity < 2 || capacity > 2 ** 20 || (capacity & (capacity - 1)) !== 0) {
      throw new RangeError(`ring capacity: got ${capacity}; allowed: a power of two from 2 to ${2 ** 20}`);
    }
    this.capacity = capacity;
    this.#mask = capacity - 1;
    this.#half = capacity / 2;
    this.#onHalfFull = onHalfFull;
    this.#endMs = new Float64Array(capacity);
    this.#durationMs = new Float64Array(capacity);
    this.#seriesIndex = new Uint32Array(capacity);
    this.#weight = new Uint32Array(capacity);
    this.#status = new Uint8Array(capacity);
    this.#present = new Uint8Array(capacity);
    this.#ids = new Int32Array(capacity * WORDS);
    this.#metadata = Array.from({ length: capacity }, () => undefined);
    this.#error = Array.from({ length: capacity }, () => undefined);
  }

  /** Events that wait for the sink. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Makes a series known. The caller bounds how many there are. @returns its index, for `push` */
  addSeries(series: EventSeries): number {
    return this.#series.push(series) - 1;
  }

  /** Puts one ended execution at the end, or counts it as dropped. Ends have to come in order. */
  push(
    series: number,
    status: StatusCode,
    endMs: number,
    durationMs: number,
    span: SpanWords | undefined,
    metadata: string | undefined,
    error: string | undefined,
  ): void {
    if (this.#waiting === this.capacity) {
      this.#drop('ring_full', 1);
      return;
    }
    const slot = (this.#first + this.#waiting) & this.#mask;
    this.#seriesIndex[slot] = series;
    this.#status[slot] = status;
    this.#endMs[slot] = endMs;
    this.#durationMs[slot] = durationMs;
    this.#weight[slot] = 1;
    this.#metadata[slot] = metadata;
    this.#error[slot] = error;
    if (span === undefined) {
      this.#present[slot] = 0;
    } else {
      this.#present[slot] = span.hasParent ? HAS_TRACE | HAS_PARENT : HAS_TRACE;
      this.#putIds(slot * WORDS, span);
    }
    if (++this.#waiting === this.#half) this.#onHalfFull();
  }

  #putIds(at: number, span: SpanWords): void {
    const ids = this.#ids;
    ids[at] = span.trace0;
    ids[at + 1] = span.trace1;
    ids[at + 2] = span.trace2;
    ids[at + 3] = span.trace3;
    ids[at + 4] = span.span0;
    ids[at + 5] = span.span1;
    ids[at + 6] = span.parent0;
    ids[at + 7] = span.parent1;
  }

  /**
   * A view of the first `limit` waiting events; valid until `take` or `dropFirst`.
   * @param nowMs the clock's time: the low watermark when the batch holds all that waits; else it is the end of the first event left out
   */
  batch(limit: number, nowMs: number): EventBatch {
    const size = Math.min(limit, this.#waiting);
    const lowWatermarkMs = size === this.#waiting ? nowMs : (this.#endMs[(this.#first + size) & this.#mask] ?? nowMs);
    const first = this.#first;
    const mask = this.#mask;
    return {
      lane: 'rest',
      size,
      lowWatermarkMs,
      counts: {
        recorded: this.#handedOn + size + this.#sampledOut + this.#droppedTotal,
        sampledOut: this.#sampledOut,
        dropped: { ...this.#dropped },
      },
      series: (index) => this.#series[this.#seriesIndex[(first + index) & mask] ?? 0] as EventSeries,
      status: (index) => EVENT_STATUSES[this.#status[(first + index) & mask] ?? 0] as EventStatus,
      endMs: (index) => this.#endMs[(first + index) & mask] as number,
      durationMs: (index) => this.#durationMs[(first + index) & mask] as number,
      weight: (index) => this.#weight[(first + index) & mask] as number,
      metadata: (index) => this.#metadata[(first + index) & mask],
      error: (index) => this.#error[(first + index) & mask],
      writeIds: (index, target, offset) => this.#writeIds((first + index) & mask, target, offset),
    };
  }

  #writeIds(slot: number, target: Buffer, offset: number): number {
    const present = this.#present[slot] ?? 0;
    const words = present === 0 ? 0 : (present & HAS_PARENT) === 0 ? 6 : WORDS;
    for (let word = 0; word < words; word++) target.writeInt32BE(this.#ids[slot * WORDS + word] ?? 0, offset + 4 * word);
    return present;
  }

  /** The sink took the first `count` events. */
  take(count: number): void {
    this.#release(count);
    this.#handedOn += count;
  }

  /** The first `count` events are given up. */
  dropFirst(count: number, reason: DropReason): void {
    this.#release(count);
    this.#drop(reason, count);
  }

  #release(count: number): void {
    for (let index = 0; index < count; index++) {
      const slot = (this.#first + index) & this.#mask;
      this.#metadata[slot] = undefined;
      this.#error[slot] = undefined;
    }
    this.#first = (this.#first + count) & this.#mask;
    this.#waiting -= count;
  }

  #drop(reason: DropReason, count: number): void {
    if (count === 0) return;
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + count;
    this.#droppedTotal += count;
  }

  counts(): RingCounts {
    return {
      recorded: this.#handedOn + this.#waiting + this.#sampledOut + this.#droppedTotal,
      handedOn: this.#handedOn,
      waiting: this.#waiting,
      sampledOut: this.#sampledOut,
      dropped: { ...this.#dropped },
    };
  }
}
