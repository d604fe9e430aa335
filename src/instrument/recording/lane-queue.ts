// The order of the events of one lane: slots of the ring, first in first out, with what a sink is looking at pinned at the front.
// Counts what became of them. Holds no event itself.
import type { DropReason } from '../../event.ts';

/** Counts of one lane, or of all: `recorded = handedOn + waiting + sampledOut + all dropped`, at any moment. */
export interface RingCounts {
  readonly recorded: number;
  readonly sampledOut: number;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Events that a sink took. */
  readonly handedOn: number;
  /** Events still in the ring. */
  readonly waiting: number;
}

export class LaneQueue {
  readonly #slots: Int32Array;
  readonly #mask: number;
  #first = 0;
  #waiting = 0;
  /** How many at the front are offered to a sink. */
  #offered = 0;
  #handedOn = 0;
  #droppedTotal = 0;
  readonly #dropped: Partial<Record<DropReason, number>> = {};

  /** @param capacity slots of the whole ring, so that one lane may hold all of them; a power of two */
  constructor(capacity: number) {
    this.#slots = new Int32Array(capacity);
    this.#mask = capacity - 1;
  }

  /** Slots in the queue, the offered ones included. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Puts a slot at the end. */
  push(slot: number): void {
    this.#slots[(this.#first + this.#waiting++) & this.#mask] = slot;
  }

  /** The slot at a place counted from the oldest. */
  slotAt(index: number): number {
    return this.#slots[(this.#first + index) & this.#mask] as number;
  }

  /** Pins the `limit` oldest until `release`: `slotAt` gives the same slots for them, whatever is pushed or evicted. @returns how many */
  offer(limit: number): number {
    this.#offered = Math.min(limit, this.#waiting);
    return this.#offered;
  }

  /** Unpins, and takes out the `count` oldest: they were handed on, or given up for a reason. */
  release(count: number, reason?: DropReason): void {
    this.#offered = 0;
    this.#first = (this.#first + count) & this.#mask;
    this.#waiting -= count;
    if (reason === undefined) this.#handedOn += count;
    else this.drop(reason, count);
  }

  /** Takes out the oldest slot that is not pinned, counted as dropped. @returns it; undefined when there is none */
  evictOldest(reason: DropReason): number | undefined {
    if (this.#offered >= this.#waiting) return undefined;
    const evicted = this.slotAt(this.#offered);
    // What is pinned moves up by one: places counted from the oldest stay as they are. Only a push from inside a sink comes here with any.
    for (let index = this.#offered; index > 0; index--) {
      this.#slots[(this.#first + index) & this.#mask] = this.slotAt(index - 1);
    }
    this.#first = (this.#first + 1) & this.#mask;
    this.#waiting--;
    this.drop(reason, 1);
    return evicted;
  }

  /** Counts events that are gone, or never came in. */
  drop(reason: DropReason, count: number): void {
    if (count === 0) return;
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + count;
    this.#droppedTotal += count;
  }

  /** The counts now. */
  counts(): RingCounts {
    return {
      recorded: this.#handedOn + this.#droppedTotal + this.#waiting,
      handedOn: this.#handedOn,
      waiting: this.#waiting,
      sampledOut: 0,
      dropped: { ...this.#dropped },
    };
  }
}
