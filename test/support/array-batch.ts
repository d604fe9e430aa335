// Timing events from plain objects: an EventBatch for tests, and a small tracker that counts as the real one must.
import {
  type EventBatch,
  type EventCounts,
  type EventSeries,
  type EventSink,
  type EventStatus,
  LANES,
  type Lane,
} from '../../src/event.ts';

/** One ended execution; what is left out has an ordinary value. */
export interface ArrayEvent {
  /** For `ArrayTracker`; default `rest`. */
  readonly lane?: Lane;
  readonly series?: EventSeries;
  readonly status?: EventStatus;
  readonly endMs?: number;
  readonly durationMs?: number;
  readonly weight?: number;
  readonly metadata?: string | undefined;
  readonly error?: string | undefined;
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
  readonly parentSpanId?: string | undefined;
}

export const ORDINARY_SERIES: EventSeries = { type: 'api', name: 'GET /things/:id', service: 'test', metadata: '"method":"GET"' };

/** A batch of the given events. */
export class ArrayBatch implements EventBatch {
  readonly lane: Lane;
  readonly counts: EventCounts;
  readonly lowWatermarkMs: number;
  readonly #events: readonly ArrayEvent[];

  constructor(events: readonly ArrayEvent[], counts?: EventCounts, lowWatermarkMs = Date.now(), lane: Lane = 'rest') {
    this.lane = lane;
    this.#events = events;
    this.counts = counts ?? { recorded: events.length, sampledOut: 0, dropped: {} };
    this.lowWatermarkMs = lowWatermarkMs;
  }

  get size(): number {
    return this.#events.length;
  }

  series(index: number): EventSeries {
    return this.#at(index).series ?? ORDINARY_SERIES;
  }

  status(index: number): EventStatus {
    return this.#at(index).status ?? 'success';
  }

  endMs(index: number): number {
    return this.#at(index).endMs ?? this.lowWatermarkMs;
  }

  durationMs(index: number): number {
    return this.#at(index).durationMs ?? 1.5;
  }

  weight(index: number): number {
    return this.#at(index).weight ?? 1;
  }

  metadata(index: number): string | undefined {
    return this.#at(index).metadata;
  }

  error(index: number): string | undefined {
    return this.#at(index).error;
  }

  writeIds(index: number, target: Buffer, offset: number): number {
    const { traceId, spanId, parentSpanId } = this.#at(index);
    if (traceId === undefined || spanId === undefined) return 0;
    target.write(traceId, offset, 'hex');
    target.write(spanId, offset + 16, 'hex');
    if (parentSpanId === undefined) return 1;
    target.write(parentSpanId, offset + 24, 'hex');
    return 3;
  }

  /** None. */
  eachDropped(): void {}

  #at(index: number): ArrayEvent {
    const event = this.#events[index];
    if (event === undefined) throw new RangeError(`no event ${index}`);
    return event;
  }
}

/** Keeps events until a sink takes them, and counts them as a tracker does. */
export class ArrayTracker {
  sink: EventSink | undefined;
  readonly #recorded: Record<Lane, number> = { keep: 0, rest: 0 };
  #waiting: ArrayEvent[] = [];

  /** In all lanes. */
  get recorded(): number {
    return this.#recorded.keep + this.#recorded.rest;
  }

  record(...events: ArrayEvent[]): void {
    for (const event of events) {
      this.#recorded[event.lane ?? 'rest']++;
      this.#waiting.push({ endMs: Date.now(), ...event });
    }
  }

  /** Hands all on, each lane as a batch; what the sink does not take is offered again the next time. */
  readonly collect = (): void => {
    const nowMs = Date.now();
    const left = LANES.map((lane) => {
      const events = this.#waiting.filter((event) => (event.lane ?? 'rest') === lane);
      const counts = { recorded: this.#recorded[lane], sampledOut: 0, dropped: {} };
      return events.slice(this.sink?.accept(new ArrayBatch(events, counts, nowMs, lane)) ?? 0);
    });
    this.#waiting = left.flat();
  };
}
