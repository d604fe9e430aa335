// Carries events from the ring to the sink, lane by lane: every 200 ms, early when an eighth of the ring waits, and whenever `flush` is
// called. Early, since events that were recorded a moment ago are still in the processor's cache, and die young: with bursts of 1,024
// instead of 4,096, encoding took a quarter less and collecting garbage half as long.
import { type EventBatch, type EventSink, LANES, type Lane } from '../../event.ts';
import type { Clock } from '../clock.ts';
import type { InternalErrors } from '../internal-errors.ts';
import type { EventRing } from './ring.ts';

const INTERVAL_MS = 200;
/** Events of a lane per `accept` of a tick, so that a full ring does not hold up the event loop: between batches I/O gets its turn. */
const BATCH_LIMIT = 512;

/** Takes everything and keeps nothing: an app that only wants metrics has no archive. */
const DISCARD: EventSink = { accept: (batch: EventBatch) => batch.size };

export interface PumpOptions {
  readonly ring: EventRing;
  readonly clock: Clock;
  readonly errors: InternalErrors;
}

/**
 * Each lane has batches of its own, `keep` first. An idle lane is handed an empty one, so that its low watermark moves. A sink that takes
 * fewer events than offered gets the rest again; one that throws loses the offered batch, counted as `sink_error`.
 */
export class Pump {
  readonly #ring: EventRing;
  readonly #clock: Clock;
  readonly #errors: InternalErrors;
  #sink: EventSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isTickQueued = false;
  #isHandingOn = false;

  constructor({ ring, clock, errors }: PumpOptions) {
    this.#ring = ring;
    this.#clock = clock;
    this.#errors = errors;
  }

  /** From now on batches go to `sink`; undefined disconnects. */
  connect(sink: EventSink | undefined): void {
    this.#sink = sink;
  }

  /** Starts the timer, which does not keep the process alive. Without a sink, events are released as they come. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS).unref();
  }

  /** Stops the timer. What waits stays in the ring until `flush`. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Asks for a tick as soon as the event loop is free. */
  hurry(): void {
    if (this.#isTickQueued || this.#timer === undefined) return;
    this.#isTickQueued = true;
    setImmediate(() => {
      this.#isTickQueued = false;
      if (this.#timer !== undefined) this.#tick();
    });
  }

  /**
   * Hands on all that waits, now; returns when the ring is empty or the sink takes no more. A sink that records, too, could go on for ever:
   * it gets a ringful.
   */
  flush(): void {
    const limit = this.#ring.capacity / 2; // half of the ring stays free for what is recorded while the sink works
    for (const lane of LANES) {
      let taken = this.#handOn(lane, limit);
      for (let total = taken; taken > 0 && this.#ring.waiting(lane) > 0 && total < this.#ring.capacity; total += taken) {
        taken = this.#handOn(lane, limit);
      }
    }
  }

  #tick(): void {
    try {
      this.#clock.adjust();
      let isMoreToDo = false;
      for (const lane of LANES) {
        const taken = this.#handOn(lane, BATCH_LIMIT);
        if (taken > 0 && this.#ring.waiting(lane) > 0) isMoreToDo = true;
      }
      if (isMoreToDo) this.hurry();
    } catch (error) {
      this.#errors.note('pump', error);
    }
  }

  /** @returns how many events of the lane left the ring */
  #handOn(lane: Lane, limit: number): number {
    const sink = this.#sink ?? (this.#timer === undefined ? undefined : DISCARD);
    if (sink === undefined || this.#isHandingOn) return 0;
    this.#isHandingOn = true;
    let size = 0;
    try {
      const batch = this.#ring.batch(lane, limit, this.#clock.now());
      size = batch.size;
      const accepted = sink.accept(batch);
      const taken = accepted >= 0 ? Math.min(Math.floor(accepted), size) : 0;
      this.#ring.take(lane, taken);
      return taken;
    } catch (error) {
      this.#ring.giveUp(lane, size, 'sink_error');
      this.#errors.note('sink', error);
      return size;
    } finally {
      this.#isHandingOn = false;
    }
  }
}
