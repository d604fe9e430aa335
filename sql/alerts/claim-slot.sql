-- Moves a group on to a slot, and holds its row until the end of the transaction: of several evaluators one gets the slot.
-- Parameters: group, everyMs, slot, missed, evaluatorId, epoch (of the lease: who took the group since fences who had it).
-- A row with the name of the group if the slot is ours; none if it is taken, older than the newest, or the group is another evaluator's.
update keepwatch.alert_group
set every_ms = $<everyMs>, last_slot = $<slot>, missed = missed + $<missed>, evaluated_at = now()
where group_name = $<group> and evaluator_id = $<evaluatorId> and epoch = $<epoch> and (last_slot is null or last_slot < $<slot>)
returning group_name;
