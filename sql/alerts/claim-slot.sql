-- Moves a group on to a slot, and holds its row until the end of the transaction: of several evaluators one gets the slot.
-- Parameters: group, everyMs, slot, missed, evaluatorId, epoch (of the lease: who took the group since fences who had it).
-- From here on the transaction is ended when its process is silent for 5 s: frozen, it would keep the group from others.
-- A row with the name of the group if the slot is ours; none if it is taken, older than the newest, or the group is another evaluator's.
update keepwatch.alert_group
set every_ms = $<everyMs>, last_slot = $<slot>, missed = missed + $<missed>, evaluated_at = now()
where group_name = $<group> and evaluator_id = $<evaluatorId> and epoch = $<epoch> and (last_slot is null or last_slot < $<slot>)
returning group_name, set_config('idle_in_transaction_session_timeout', '5s', true);
