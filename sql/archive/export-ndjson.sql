-- A cursor over the events of a day as lines of JSON, in the order of end_time and id: every column, times with microseconds, ids in W3C
-- hexadecimal, metadata as it stands. Parameters: fromDay, untilDay, from, to (milliseconds since the epoch), and, each null for all: type,
-- name, service, status. Rows of the cursor: line.
declare keepwatch_export no scroll cursor for
select row_to_json(event)::text as line
from (
  select id, name, type, status,
    to_char(start_time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as start_time,
    to_char(end_time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as end_time,
    duration_ms, service, encode(uuid_send(trace_id), 'hex') as trace_id, encode(span_id, 'hex') as span_id,
    encode(parent_span_id, 'hex') as parent_span_id, error, weight, source_id::text as source_id,
    to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at, metadata
  from keepwatch.observability_metrics as metrics
  where metrics.end_time >= greatest($<fromDay>, to_timestamp($<from>::float8 / 1000))
    and metrics.end_time < least($<untilDay>, to_timestamp($<to>::float8 / 1000))
    and ($<type> is null or type = $<type>)
    and ($<name> is null or name = $<name>)
    and ($<service> is null or service = $<service>)
    and ($<status> is null or status = $<status>)
  order by metrics.end_time, id
) as event;
