-- Events that ended in [from, to), newest first, behind the event that the cursor names.
-- Parameters: from, to (milliseconds since the epoch), sinces, untils (arrays of them: the slices of that time which are read, and which do
-- not overlap), beforeTime, beforeId (null: from the newest), limit; and, each null for all: type,
-- names (array), service, status, minDurationMs, maxDurationMs, traceId, error (a part of it), metadata (object of texts), metadataKeys (array).
-- Rows: as keepwatch.events, times as ISO 8601 with microseconds, ids as text.
select id, name, type, status,
  to_char(start_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as start_time,
  to_char(end_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as end_time,
  duration_ms, service, encode(uuid_send(trace_id), 'hex') as trace_id, encode(span_id, 'hex') as span_id,
  encode(parent_span_id, 'hex') as parent_span_id, error, metadata, weight, source_id::text as source_id
from (
  select event.*
  from unnest($<sinces>::float8[], $<untils>::float8[]) as slice (since, until)
  -- With a limit of its own, so that each slice is looked up in the index.
  cross join lateral (
    select *
    from keepwatch.observability_metrics
    where end_time >= to_timestamp($<from>::float8 / 1000) and end_time < to_timestamp($<to>::float8 / 1000)
      and end_time >= to_timestamp(slice.since / 1000) and end_time < to_timestamp(slice.until / 1000)
      and ($<type> is null or type = $<type>)
      and ($<names>::text[] is null or name = any ($<names>::text[]))
      and ($<service> is null or service = $<service>)
      and ($<status> is null or status = $<status>)
      and ($<minDurationMs> is null or duration_ms >= $<minDurationMs>)
      and ($<maxDurationMs> is null or duration_ms <= $<maxDurationMs>)
      and ($<traceId> is null or trace_id = $<traceId>::uuid)
      and ($<error> is null or strpos(error, $<error>) > 0)
      and ($<metadataKeys>::text[] is null or metadata ?& $<metadataKeys>::text[])
      and ($<metadata> is null or not exists (
        select from jsonb_each_text($<metadata>::jsonb) as wanted
        where (metadata ->> wanted.key) is distinct from wanted.value
      ))
      and ($<beforeTime> is null or (end_time, id) < ($<beforeTime>::timestamptz, $<beforeId>::uuid))
    order by observability_metrics.end_time desc, id desc
    limit $<limit>
  ) as event
  order by event.end_time desc, event.id desc
  limit $<limit>
) as newest
order by newest.end_time desc, id desc;
