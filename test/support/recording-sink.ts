// A sink that keeps what the tracker hands on, as plain objects.
import type { EventBatch, EventSink, EventStatus, EventType } from '../../src/event.ts';

/** One event, with its metadata (of series and event) parsed and its ids in hexadecimal. */
export interface RecordedEvent {
  readonly type: EventType;
  readonly name: string;
  readonly status: EventStatus;
  readonly endMs: number;
  readonly durationMs: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly error: string | undefined;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly parentSpanId: string | undefined;
}

export class RecordingSink implements EventSink {
  /** While set, `accept` throws it. */
  failure: Error | undefined;
  readonly #events: RecordedEvent[] = [];
  #isInOrder = true;

  /** Of both lanes, in the order in which they ended. */
  get events(): RecordedEvent[] {
    if (!this.#isInOrder) this.#events.sort((a, b) => a.endMs - b.endMs);
    this.#isInOrder = true;
    return this.#events;
  }

  accept(batch: EventBatch): number {
    if (this.failure !== undefined) throw this.failure;
    for (let index = 0; index < batch.size; index++) this.#events.push(readEvent(batch, index));
    this.#isInOrder = false;
    return batch.size;
  }
}

function readEvent(batch: EventBatch, index: number): RecordedEvent {
  const { type, name, metadata } = batch.series(index);
  const members = [metadata, batch.metadata(index)].filter((part) => part !== '' && part !== undefined);
  const ids = Buffer.alloc(32);
  const present = batch.writeIds(index, ids, 0);
  return {
    type,
    name,
    status: batch.status(index),
    endMs: batch.endMs(index),
    durationMs: batch.durationMs(index),
    metadata: JSON.parse(`{${members.join(',')}}`) as Record<string, unknown>,
    error: batch.error(index),
    traceId: (present & 1) === 0 ? undefined : ids.toString('hex', 0, 16),
    spanId: (present & 1) === 0 ? undefined : ids.toString('hex', 16, 24),
    parentSpanId: (present & 2) === 0 ? undefined : ids.toString('hex', 24, 32),
  };
}
