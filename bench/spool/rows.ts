// The reference events as an app would log them: an object for each, made before the clock starts.
import { SERVICE, TYPE, uuidOf } from '../archive/reference-events.ts';
import { createBurst } from './contender.ts';

export type Row = ReturnType<typeof createRows>[number];

export function createRows() {
  return createBurst().map((event) => ({
    id: event.id,
    name: event.name,
    type: TYPE,
    start_time: event.endMs - event.durationMs,
    end_time: event.endMs,
    duration_ms: event.durationMs,
    status: event.status,
    service: SERVICE,
    trace_id: uuidOf(event.traceId),
    span_id: event.spanId,
    parent_span_id: event.parentSpanId,
    error: event.error ?? null,
    weight: 1,
    metadata: JSON.parse(`{${event.seriesMetadata},${event.ownMetadata}}`) as Record<string, unknown>,
  }));
}
