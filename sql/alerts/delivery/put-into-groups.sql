-- Puts alerts that people are to hear of into their groups. A group that is new waits for its group_wait from the slot on; one that is there is looked
-- at after whole group_intervals. Parameters: ids (of changes of the kind tell, each of another member). No rows.
with taken as (
  delete from keepwatch.notification_change where id = any($<ids>::bigint[])
  returning id, rule_uid, fingerprint, incident_id, rule, group_name, slot, every_ms, mark, is_latched, destination, payload,
    destination ->> 'group_key' as group_key
), groups as (
  insert into keepwatch.notification_group as known (group_key, receiver, route, labels, settings, version, due_at)
  select distinct on (group_key) group_key, destination ->> 'receiver', destination ->> 'route', destination -> 'labels', destination -> 'settings',
    -- Who was told of a group that was gone meanwhile is told in the order of its messages all the same.
    coalesce((select max(version) from keepwatch.notification_outbox as message where message.group_key = taken.group_key), 0),
    greatest(clock_timestamp(), least(slot, clock_timestamp()) + (destination -> 'settings' ->> 'groupWaitMs')::float8 * interval '1 millisecond')
  from taken
  order by group_key, id
  on conflict (group_key) do update
  set settings = excluded.settings,
    due_at = least(known.due_at, case
      when known.flushed_at is null then known.due_at
      when (excluded.settings ->> 'groupIntervalMs')::float8 = 0 then clock_timestamp()
      else known.flushed_at + (excluded.settings ->> 'groupIntervalMs')::float8 * interval '1 millisecond' * greatest(1, ceil(
        extract(epoch from clock_timestamp() - known.flushed_at) * 1000 / (excluded.settings ->> 'groupIntervalMs')::float8)) end)
)
insert into keepwatch.notification_member as known (group_key, rule_uid, fingerprint, incident_id, rule, group_name, every_ms, is_firing, is_latched,
  mark, turns, labels, payload)
select group_key, rule_uid, fingerprint, incident_id, rule, group_name, every_ms, true, is_latched, mark,
  array[(extract(epoch from slot) * 1000)::bigint], payload -> 'labels', payload
from taken
on conflict (group_key, rule_uid, fingerprint) do update
set incident_id = excluded.incident_id, rule = excluded.rule, group_name = excluded.group_name, every_ms = excluded.every_ms, is_firing = true,
  is_latched = excluded.is_latched, mark = excluded.mark, labels = excluded.labels, payload = excluded.payload, changed_at = clock_timestamp(),
  turns = case when known.is_firing then known.turns else (known.turns || excluded.turns)[greatest(1, cardinality(known.turns) - 98):] end;
