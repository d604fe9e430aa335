// An event as text: what export writes, and import reads.

/** In the order in which they stand in CSV; in NDJSON they are the members of the object. */
export const EVENT_COLUMNS = [
  'id',
  'name',
  'type',
  'status',
  'start_time',
  'end_time',
  'duration_ms',
  'service',
  'trace_id',
  'span_id',
  'parent_span_id',
  'error',
  'weight',
  'source_id',
  'created_at',
  'metadata',
] as const;
