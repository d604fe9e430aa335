-- Groups whose time has come. Parameters: receivers (names), most. Rows: group_key, receiver, route, labels, settings, version, thread, flushed_at_ms,
-- told_at_ms, now_ms (the moment that all of them are looked at).
with moment as materialized (select clock_timestamp() as now)
select group_key, receiver, route, labels, settings, version::float8 as version, thread,
  (extract(epoch from flushed_at) * 1000)::float8 as flushed_at_ms, (extract(epoch from told_at) * 1000)::float8 as told_at_ms,
  (extract(epoch from now) * 1000)::float8 as now_ms
from keepwatch.notification_group, moment
where receiver = any($<receivers>::text[]) and due_at <= now
order by due_at, group_key
limit $<most>;
