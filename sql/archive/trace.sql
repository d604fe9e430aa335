-- The events of one trace that ended in [from, to), in the order in which they began.
-- Parameters: traceId (32 hexadecimal digits), from, to (milliseconds since the epoch; null: without a bound), limit.
-- Rows: id, name, type, status, start_time, end_time (ISO 8601 with microseconds), duration_ms, service, span_id, parent_span_id
-- (hexadecimal), error, metadata, weight, start_us, end_us (microseconds since the epoch).
select id, name, type, status,
  to_char(start_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as start_time,
  to_char(end_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as end_time,
  duration_ms, service, encode(span_id, 'hex') as span_id, encode(parent_span_id, 'hex') as parent_span_id, error, metadata, weight,
  (extract(epoch from start_time) * 1000000)::float8 as start_us, (extract(epoch from end_time) * 1000000)::float8 as end_us
from keepwatch.observability_metrics
where trace_id = $<traceId>::uuid
  and ($<from> is null or end_time >= to_timestamp($<from>::float8 / 1000))
  and ($<to> is null or end_time < to_timestamp($<to>::float8 / 1000))
order by observability_metrics.start_time, observability_metrics.end_time desc, id
limit $<limit>;
