// The reference events in the forms that others write: a line of COPY text, an object per row.
import { type ReferenceEvent, SERVICE, SOURCE_ID, TYPE, timestampOf, uuidOf } from './reference-events.ts';

/** The columns of both forms, in order. */
export const COLUMNS =
  'id, start_time, end_time, duration_ms, source_id, trace_id, weight, name, type, status, service, span_id, parent_span_id, error, metadata';

/** As COPY in text format wants it, its end of line included. */
export function copyLine(event: ReferenceEvent): string {
  const fields = [
    event.id,
    timestampOf(event.endMs - event.durationMs),
    timestampOf(event.endMs),
    event.durationMs,
    SOURCE_ID,
    uuidOf(event.traceId),
    1,
    event.name,
    TYPE,
    event.status,
    SERVICE,
    `\\\\x${event.spanId}`,
    `\\\\x${event.parentSpanId}`,
    event.error ?? '\\N',
    `{${event.seriesMetadata},${event.ownMetadata}}`,
  ];
  return `${fields.join('\t')}\n`;
}

/** As an application holds it: a property per column, metadata parsed. */
export function rowOf(event: ReferenceEvent): Record<string, unknown> {
  return {
    id: event.id,
    start_time: timestampOf(event.endMs - event.durationMs),
    end_time: timestampOf(event.endMs),
    duration_ms: event.durationMs,
    source_id: SOURCE_ID,
    trace_id: uuidOf(event.traceId),
    weight: 1,
    name: event.name,
    type: TYPE,
    status: event.status,
    service: SERVICE,
    span_id: `\\x${event.spanId}`,
    parent_span_id: `\\x${event.parentSpanId}`,
    error: event.error ?? null,
    metadata: JSON.parse(`{${event.seriesMetadata},${event.ownMetadata}}`) as unknown,
  };
}
