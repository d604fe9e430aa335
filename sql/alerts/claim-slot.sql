-- Moves a group on to a slot, and holds its row until the end of the transaction: of several evaluators one gets the slot.
-- Parameters: group, everyMs, slot, missed. A row with the name of the group if the slot is ours; none if it is taken, or older than the newest.
insert into keepwatch.alert_group (group_name, every_ms, last_slot, missed)
values ($<group>, $<everyMs>, $<slot>, $<missed>)
on conflict (group_name) do update
  set every_ms = excluded.every_ms, last_slot = excluded.last_slot, missed = alert_group.missed + excluded.missed, evaluated_at = now()
  where alert_group.last_slot < excluded.last_slot
returning group_name;
