// The reference events as the batches that a tracker would hand on: columns, interned series, no object per event.
import type { EventBatch, EventSeries } from '../../src/event.ts';
import { type ReferenceEvent, SERVICE, TYPE } from './reference-events.ts';

/** Makes batches of the same events again and again. */
export interface ReferenceBatches {
  /** Events `from` up to `until`; counts go on from all batches taken before. */
  take(from: number, until: number): EventBatch;
}

export function createReferenceBatches(events: readonly ReferenceEvent[]): ReferenceBatches {
  const interned = new Map<string, EventSeries>();
  const series = events.map((event) => {
    const known = interned.get(event.name);
    if (known !== undefined) return known;
    const made: EventSeries = { type: TYPE, name: event.name, service: SERVICE, metadata: event.seriesMetadata };
    interned.set(event.name, made);
    return made;
  });
  let recorded = 0;
  return {
    take(from, until) {
      const size = until - from;
      recorded += size;
      const at = (index: number) => required(events[from + index]);
      return {
        size,
        counts: { recorded, sampledOut: 0, dropped: {} },
        lowWatermarkMs: at(size - 1).endMs,
        series: (index) => required(series[from + index]),
        status: (index) => at(index).status,
        endMs: (index) => at(index).endMs,
        durationMs: (index) => at(index).durationMs,
        weight: () => 1,
        metadata: (index) => at(index).ownMetadata,
        error: (index) => at(index).error,
        writeIds(index, target, offset) {
          const { traceId, spanId, parentSpanId } = at(index);
          traceId.copy(target, offset);
          spanId.copy(target, offset + 16);
          parentSpanId.copy(target, offset + 24);
          return 3;
        },
      };
    },
  };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is no such event');
  return value;
}
