-- Groups whose time has come, the first of them: as many as have few enough alerts together, but one at least. Parameters: receivers (names), most,
-- mostMembers. Rows: group_key, receiver, route, labels, settings, version, thread, flushed_at_ms, told_at_ms, now_ms (the moment that all of them are
-- looked at).
with moment as materialized (select clock_timestamp() as now),
due as (
  select known.*, now
  from keepwatch.notification_group as known, moment
  where receiver = any($<receivers>::text[]) and due_at <= now
  order by due_at, group_key
  limit $<most>
), sized as (
  select due.*, sum(members) over (order by due_at, group_key) - members as members_before
  from due, lateral (select count(*) as members from keepwatch.notification_member as member where member.group_key = due.group_key) as own
)
select group_key, receiver, route, labels, settings, version::float8 as version, thread,
  (extract(epoch from flushed_at) * 1000)::float8 as flushed_at_ms, (extract(epoch from told_at) * 1000)::float8 as told_at_ms,
  (extract(epoch from now) * 1000)::float8 as now_ms
from sized
where members_before < $<mostMembers>
order by due_at, group_key;
