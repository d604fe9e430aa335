// The reference events as the batches that a tracker would hand on: columns, interned series, no object per event, since a heap full of
// them would charge the archive with their garbage collection.
import type { EventBatch, EventSeries } from '../../src/event.ts';
import { boundedMembers } from '../../src/instrument/bounded-json.ts';
import { type ReferenceEvent, SERVICE, TYPE } from './reference-events.ts';

/** Events `from` up to `until`, of which `recordedBefore` more were recorded earlier. */
export type TakeBatch = (from: number, until: number, recordedBefore: number) => EventBatch;

const ID_BYTES = 32;

export function createReferenceBatches(events: readonly ReferenceEvent[]): TakeBatch {
  const interned = new Map<string, EventSeries>();
  const series = events.map(({ name, seriesMetadata }) => {
    const known = interned.get(name) ?? { type: TYPE, name, service: SERVICE, metadata: asTracked(seriesMetadata) };
    interned.set(name, known);
    return known;
  });
  const statuses = events.map((event) => event.status);
  const endMs = Float64Array.from(events, (event) => event.endMs);
  const durationMs = Float64Array.from(events, (event) => event.durationMs);
  const metadata = events.map((event) => asTracked(event.ownMetadata));
  const errors = events.map((event) => event.error);
  const ids = Buffer.alloc(events.length * ID_BYTES);
  for (const [index, { traceId, spanId, parentSpanId }] of events.entries()) {
    ids.write(`${traceId}${spanId}${parentSpanId}`, index * ID_BYTES, 'hex');
  }
  return (from, until, recordedBefore) => ({
    lane: 'rest',
    size: until - from,
    counts: { recorded: recordedBefore + until, sampledOut: 0, dropped: {} },
    lowWatermarkMs: endMs[until - 1] ?? 0,
    series: (index) => series[from + index] as EventSeries,
    status: (index) => statuses[from + index] ?? 'success',
    endMs: (index) => endMs[from + index] ?? 0,
    durationMs: (index) => durationMs[from + index] ?? 0,
    weight: () => 1,
    metadata: (index) => metadata[from + index],
    error: (index) => errors[from + index],
    writeIds(index, target, offset) {
      const start = (from + index) * ID_BYTES;
      ids.copy(target, offset, start, start + ID_BYTES);
      return 3;
    },
    eachDropped() {},
  });
}

/** JSON members as the tracker hands them on. */
function asTracked(members: string): string {
  return boundedMembers(JSON.parse(`{${members}}`)).members;
}
