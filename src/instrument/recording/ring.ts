// Ended executions between recording and the sink, in two lanes: preallocated, bounded, counted. Knows nothing of time, metrics or files.
import {
  type DropReason,
  EVENT_STATUSES,
  type EventBatch,
  type EventSeries,
  type EventStatus,
  LANES,
  type Lane,
} from '../../event.ts';
import { LaneQueue, type RingCounts } from './lane-queue.ts';
import { SeriesDrops } from './series-drops.ts';

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

/** Events that a ring holds, unless told otherwise. */
export const DEFAULT_CAPACITY = 8192;

export interface RingOptions {
  /** Events at most, of both lanes together; a power of two. Default 8192, which is 720 kB (`BYTES_PER_EVENT` each). */
  readonly capacity?: number;
  /** Called when an eighth of the ring comes to wait, from inside `push`: must only take a note. */
  readonly onFilling?: () => void;
}

/**
 * What one place costs, used or not: two doubles, eleven 32-bit words, two references to texts, and three numbers of a slot (in the free
 * list and in the order of each lane). The texts themselves, own metadata and error, are the event's; those of a series are shared.
 */
export const BYTES_PER_EVENT = 16 + 44 + 16 + 12;

// An event's numbers stand together, doubles in one table and words in the other: a push touches two or three cache lines.
const TIMES = 2;
const DURATION = 1;
const TEXTS = 2;
const ERROR = 1;
const WORDS = 11;
const WEIGHT = 1;
const FLAGS = 2;
const IDS = 3;
const ID_WORDS = 8;

const HAS_TRACE = 1;
const HAS_PARENT = 2;
const HAS_TEXT = 4;
const STATUS_SHIFT = 3;

/**
 * Both lanes share all places. When none is free, the oldest event of `rest` goes, whatever comes; an event of `keep` is lost only when
 * all that waits is `keep` too: then its oldest goes, and an event of `rest` does not come in. Each loss is counted as `ring_full` of its
 * lane. Events that a sink is looking at stay as they are; when there are no others, the new one is lost.
 * @throws RangeError when the capacity is no power of two from 2 to 2^20
 */
export class EventRing {
  readonly capacity: number;
  /** Places that are free when an eighth of them is taken. */
  readonly #freeWhenFilling: number;
  readonly #onFilling: () => void;
  readonly #times: Float64Array;
  readonly #words: Int32Array;
  readonly #texts: (string | undefined)[];
  /** The free slots are the first `#freeCount`; the last of them is taken first, while it is in the processor's cache. */
  readonly #free: Int32Array;
  #freeCount: number;
  readonly #keep: LaneQueue;
  readonly #rest: LaneQueue;
  readonly #series: EventSeries[] = [];
  readonly #drops: Readonly<Record<Lane, SeriesDrops>> = { keep: new SeriesDrops(), rest: new SeriesDrops() };

  /** Where a sink had ids written last: a view costs more than the ids. */
  #target: Buffer | undefined;
  #targetView: DataView = new DataView(new ArrayBuffer(0));

  constructor({ capacity = DEFAULT_CAPACITY, onFilling = () => {} }: RingOptions = {}) {
    if (!Number.isInteger(capacity) || capacity < 2 || capacity > 2 ** 20 || (capacity & (capacity - 1)) !== 0) {
      throw new RangeError(`ring capacity: got ${capacity}; allowed: a power of two from 2 to ${2 ** 20}`);
    }
    this.capacity = capacity;
    this.#freeWhenFilling = capacity - Math.max(1, capacity / 8);
    this.#onFilling = onFilling;
    this.#times = new Float64Array(capacity * TIMES);
    this.#words = new Int32Array(capacity * WORDS);
    this.#texts = Array.from({ length: capacity * TEXTS }, () => undefined);
    this.#free = new Int32Array(capacity).map((_, index) => capacity - 1 - index);
    this.#freeCount = capacity;
    this.#keep = new LaneQueue(capacity);
    this.#rest = new LaneQueue(capacity);
  }

  /** Events that wait for the sink, of one lane or of both. */
  waiting(lane?: Lane): number {
    return lane === undefined ? this.capacity - this.#freeCount : this.#queue(lane).waiting;
  }

  /** Makes a series known. The caller bounds how many there are. @returns its index, for `push` */
  addSeries(series: EventSeries): number {
    return this.#series.push(series) - 1;
  }

  /** Puts one ended execution at the end of a lane; what has to go for it, or it itself, is counted. Ends have to come in order. */
  push(
    isKept: boolean,
    series: number,
    status: StatusCode,
    endMs: number,
    durationMs: number,
    span: SpanWords | undefined,
    metadata: string | undefined,
    error: string | undefined,
  ): void {
    const queue = isKept ? this.#keep : this.#rest;
    if (this.#freeCount === 0 && !this.#makeRoom(isKept, series)) return;
    const slot = this.#free[--this.#freeCount] as number;
    const times = this.#times;
    times[slot << 1] = endMs;
    times[(slot << 1) + DURATION] = durationMs;
    const words = this.#words;
    const at = Math.imul(slot, WORDS);
    words[at] = series;
    words[at + WEIGHT] = 1;
    let flags: number = status << STATUS_SHIFT;
    if (span !== undefined) {
      flags |= span.hasParent ? HAS_TRACE | HAS_PARENT : HAS_TRACE;
      this.#putIds(at + IDS, span);
    }
    if (metadata !== undefined || error !== undefined) {
      flags |= HAS_TEXT;
      this.#putTexts(slot * TEXTS, metadata, error);
    }
    words[at + FLAGS] = flags;
    queue.push(slot);
    if (this.#freeCount === this.#freeWhenFilling) this.#onFilling();
  }

  // Apart, so that `push` stays small enough for the compiler to put it where it is called: else it allocates its doubles.
  #putIds(at: number, span: SpanWords): void {
    const words = this.#words;
    words[at] = span.trace0;
    words[at + 1] = span.trace1;
    words[at + 2] = span.trace2;
    words[at + 3] = span.trace3;
    words[at + 4] = span.span0;
    words[at + 5] = span.span1;
    words[at + 6] = span.parent0;
    words[at + 7] = span.parent1;
  }

  #putTexts(at: number, metadata: string | undefined, error: string | undefined): void {
    this.#texts[at] = metadata;
    this.#texts[at + ERROR] = error;
  }

  /** @returns whether a slot is free now; else the new event is lost, and counted */
  #makeRoom(isKept: boolean, series: number): boolean {
    if (this.#evict('rest') || (isKept && this.#evict('keep'))) return true;
    const lane = isKept ? 'keep' : 'rest';
    this.#queue(lane).drop('ring_full', 1);
    this.#drops[lane].add(series);
    return false;
  }

  /** The oldest event of a lane goes. @returns whether there was one that no sink is looking at */
  #evict(lane: Lane): boolean {
    const slot = this.#queue(lane).evictOldest('ring_full');
    if (slot === undefined) return false;
    this.#noteDropped(lane, slot);
    this.#release(slot);
    return true;
  }

  #noteDropped(lane: Lane, slot: number): void {
    this.#drops[lane].add(this.#words[Math.imul(slot, WORDS)] as number);
  }

  #release(slot: number): void {
    const flags = this.#words[Math.imul(slot, WORDS) + FLAGS] as number;
    if ((flags & HAS_TEXT) !== 0) {
      this.#texts[slot * TEXTS] = undefined;
      this.#texts[slot * TEXTS + ERROR] = undefined;
    }
    this.#free[this.#freeCount++] = slot;
  }

  #queue(lane: Lane): LaneQueue {
    return lane === 'keep' ? this.#keep : this.#rest;
  }

  /**
   * A view of the first `limit` waiting events of a lane; valid until `take` or `giveUp`, whatever is pushed meanwhile.
   * @param nowMs the clock's time: the low watermark when the batch holds all that waits; else it is the end of the first event left out
   */
  batch(lane: Lane, limit: number, nowMs: number): EventBatch {
    const queue = this.#queue(lane);
    const size = queue.offer(limit);
    const { recorded, sampledOut, dropped, waiting } = queue.counts();
    const words = this.#words;
    const times = this.#times;
    return {
      lane,
      size,
      lowWatermarkMs: size === waiting ? nowMs : (times[queue.slotAt(size) * TIMES] as number),
      counts: { recorded: recorded - (waiting - size), sampledOut, dropped },
      series: (index) => this.#series[words[queue.slotAt(index) * WORDS] as number] as EventSeries,
      status: (index) => EVENT_STATUSES[(words[queue.slotAt(index) * WORDS + FLAGS] as number) >> STATUS_SHIFT] as EventStatus,
      endMs: (index) => times[queue.slotAt(index) * TIMES] as number,
      durationMs: (index) => times[queue.slotAt(index) * TIMES + DURATION] as number,
      weight: (index) => words[queue.slotAt(index) * WORDS + WEIGHT] as number,
      metadata: (index) => this.#texts[queue.slotAt(index) * TEXTS],
      error: (index) => this.#texts[queue.slotAt(index) * TEXTS + ERROR],
      writeIds: (index, target, offset) => this.#writeIds(queue.slotAt(index) * WORDS, target, offset),
      eachDropped: (tell) => this.#drops[lane].each((series, events) => tell(this.#series[series] as EventSeries, events)),
    };
  }

  #writeIds(at: number, target: Buffer, offset: number): number {
    const words = this.#words;
    const present = (words[at + FLAGS] as number) & (HAS_TRACE | HAS_PARENT);
    const count = present === 0 ? 0 : (present & HAS_PARENT) === 0 ? ID_WORDS - 2 : ID_WORDS;
    if (count > 0 && target !== this.#target) {
      this.#target = target;
      this.#targetView = new DataView(target.buffer, target.byteOffset, target.length);
    }
    for (let word = 0; word < count; word++) this.#targetView.setInt32(offset + 4 * word, words[at + IDS + word] as number);
    return present;
  }

  /** The sink took the first `count` events of the lane's batch; what it left is first again. */
  take(lane: Lane, count: number): void {
    this.#freeFirst(lane, count);
    this.#queue(lane).release(count);
  }

  /** The first `count` events of the lane's batch are lost. */
  giveUp(lane: Lane, count: number, reason: DropReason): void {
    const queue = this.#queue(lane);
    for (let index = 0; index < count; index++) this.#noteDropped(lane, queue.slotAt(index));
    this.#freeFirst(lane, count);
    queue.release(count, reason);
  }

  #freeFirst(lane: Lane, count: number): void {
    const queue = this.#queue(lane);
    for (let index = 0; index < count; index++) this.#release(queue.slotAt(index));
  }

  /** The counts of one lane, or of both together. */
  counts(lane?: Lane): RingCounts {
    if (lane !== undefined) return this.#queue(lane).counts();
    const dropped: Partial<Record<DropReason, number>> = {};
    const sum = { recorded: 0, handedOn: 0, waiting: 0, sampledOut: 0 };
    for (const each of LANES) {
      const counts = this.#queue(each).counts();
      sum.recorded += counts.recorded;
      sum.handedOn += counts.handedOn;
      sum.waiting += counts.waiting;
      sum.sampledOut += counts.sampledOut;
      for (const [reason, count] of Object.entries(counts.dropped) as [DropReason, number][]) {
        dropped[reason] = (dropped[reason] ?? 0) + count;
      }
    }
    return { ...sum, dropped };
  }
}
