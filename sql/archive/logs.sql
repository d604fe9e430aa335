-- Log lines of [from, to), newest first, behind the line that the cursor names.
-- Parameters: from, to (milliseconds since the epoch), beforeTime, beforeId (null: from the newest), limit; and, each null for all: level (at
-- least), service, logger, traceId, message (a part of it).
-- Rows: as keepwatch.logs, without created_at; times as ISO 8601 with microseconds, ids as text.
select id, to_char(time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time, keepwatch.log_level_name(level) as level,
  level as level_number, message, logger, service, encode(uuid_send(trace_id), 'hex') as trace_id, encode(span_id, 'hex') as span_id, attributes,
  source_id::text as source_id
from (
  select *
  from keepwatch.observability_logs
  where time >= to_timestamp($<from>::float8 / 1000) and time < to_timestamp($<to>::float8 / 1000)
    and ($<level> is null or level >= $<level>)
    and ($<service> is null or service = $<service>)
    and ($<logger> is null or logger = $<logger>)
    and ($<traceId> is null or trace_id = $<traceId>::uuid)
    and ($<message> is null or strpos(message, $<message>) > 0)
    and ($<beforeTime> is null or (time, id) < ($<beforeTime>::timestamptz, $<beforeId>::uuid))
  order by observability_logs.time desc, id desc
  limit $<limit>
) as newest
order by newest.time desc, id desc;
