-- The log lines of one trace of [from, to), in the order in which they were logged.
-- Parameters: traceId (32 hexadecimal digits), from, to (milliseconds since the epoch; null: without a bound), limit.
-- Rows: id, time (ISO 8601 with microseconds), level (by name), level_number, message, logger, service, span_id (hexadecimal), attributes,
-- time_us (microseconds since the epoch).
select id, to_char(time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time, keepwatch.log_level_name(level) as level,
  level as level_number, message, logger, service, encode(span_id, 'hex') as span_id, attributes,
  (extract(epoch from time) * 1000000)::float8 as time_us
from keepwatch.observability_logs
where trace_id = $<traceId>::uuid
  and ($<from> is null or time >= to_timestamp($<from>::float8 / 1000))
  and ($<to> is null or time < to_timestamp($<to>::float8 / 1000))
order by observability_logs.time, id
limit $<limit>;
