-- Events that ended in [from, to), newest first, behind the event that the cursor names.
-- Parameters: from, to (milliseconds since the epoch), type, name, status (null: all), beforeTime, beforeId (null: from the newest), limit.
-- Rows: as keepwatch.events, times as ISO 8601 with microseconds, ids as text.
select id, name, type, status,
  to_char(start_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as start_time,
  to_char(end_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as end_time,
  duration_ms, service, trace_id, span_id, parent_span_id, error, metadata, weight, source_id::text as source_id
from keepwatch.events
where end_time >= to_timestamp($<from>::float8 / 1000) and end_time < to_timestamp($<to>::float8 / 1000)
  and ($<type> is null or type = $<type>)
  and ($<name> is null or name = $<name>)
  and ($<status> is null or status = $<status>)
  and ($<beforeTime> is null or (end_time, id) < ($<beforeTime>::timestamptz, $<beforeId>::uuid))
order by keepwatch.events.end_time desc, id desc
limit $<limit>;
