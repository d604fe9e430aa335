-- Ends incidents in all groups that know of them: `end` is told, `forget` is not. Parameters: ids (of changes, each of another series). No rows.
with taken as (
  delete from keepwatch.notification_change where id = any($<ids>::bigint[])
  returning incident_id, kind, slot, payload
), forgotten as (
  delete from keepwatch.notification_member as member using taken
  where member.incident_id = taken.incident_id and taken.kind = 'forget'
  returning member.group_key
), ended as (
  update keepwatch.notification_member as member
  set is_firing = false, payload = member.payload || taken.payload, changed_at = clock_timestamp(),
    turns = (member.turns || (extract(epoch from taken.slot) * 1000)::bigint)[greatest(1, cardinality(member.turns) - 98):]
  from taken
  where member.incident_id = taken.incident_id and taken.kind = 'end' and member.is_firing
  returning member.group_key
)
update keepwatch.notification_group as told
set due_at = least(told.due_at, case
  when told.flushed_at is null then told.due_at
  when (told.settings ->> 'groupIntervalMs')::float8 = 0 then clock_timestamp()
  else told.flushed_at + (told.settings ->> 'groupIntervalMs')::float8 * interval '1 millisecond' * greatest(1, ceil(
    extract(epoch from clock_timestamp() - told.flushed_at) * 1000 / (told.settings ->> 'groupIntervalMs')::float8)) end)
where told.group_key in (select group_key from ended union all select group_key from forgotten);
