// Plays the tracker of one app: numbers its events, names each in its metadata, counts as a tracker has to, and keeps what the sink leaves.
import { type EventSink, LANES, type Lane } from '../../../src/event.ts';
import { ArrayBatch, type ArrayEvent } from '../../support/array-batch.ts';
import { formatTag } from '../evidence.ts';

/** Every so many events one is a failure, and goes to the lane `keep`. */
const FAILURE_EVERY = 5;

export class NumberedTracker {
  sink: EventSink | undefined;
  readonly #app: string;
  readonly #service: string;
  readonly #now: () => number;
  readonly #recorded: Record<Lane, number> = { keep: 0, rest: 0 };
  readonly #waiting: Record<Lane, ArrayEvent[]> = { keep: [], rest: [] };
  #longestAcceptMs = 0;

  constructor(app: string, service: string, now: () => number) {
    this.#app = app;
    this.#service = service;
    this.#now = now;
  }

  get recorded(): number {
    return this.#recorded.keep + this.#recorded.rest;
  }

  /** Events that the sink has not taken. */
  get waiting(): number {
    return this.#waiting.keep.length + this.#waiting.rest.length;
  }

  /** The longest time that the sink has kept its caller. */
  get longestAcceptMs(): number {
    return this.#longestAcceptMs;
  }

  record(events: number): void {
    for (let event = 0; event < events; event++) {
      const number = this.recorded + 1;
      const lane: Lane = number % FAILURE_EVERY === 0 ? 'keep' : 'rest';
      this.#recorded[lane]++;
      this.#waiting[lane].push({
        series: { type: 'custom', name: this.#app, service: this.#service, metadata: '' },
        endMs: this.#now(),
        status: lane === 'keep' ? 'failure' : 'success',
        metadata: formatTag(this.#app, number),
      });
    }
  }

  /** Hands all on, each lane as a batch. */
  readonly collect = (): void => {
    for (const lane of LANES) {
      const events = this.#waiting[lane];
      const counts = { recorded: this.#recorded[lane], sampledOut: 0, dropped: {} };
      const batch = new ArrayBatch(events, counts, this.#now(), lane);
      const startedMs = performance.now();
      const taken = this.sink?.accept(batch) ?? 0;
      this.#longestAcceptMs = Math.max(this.#longestAcceptMs, performance.now() - startedMs);
      this.#waiting[lane] = events.slice(taken);
    }
  };
}
