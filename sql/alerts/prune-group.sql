-- Forgets series of a group that were not seen for a while, as far as only who holds the group may say so: ok ones, and pending ones whose clock
-- stands still (that is recorded; nobody was told of them). All else goes with the pieces of src/alerts/pruning.ts.
-- Parameters: group, slot, keepMs (how long such a series is known without a row). No rows of interest.
with instances as (
  delete from keepwatch.alert_instance
  where group_name = $<group> and state = 'ok' and last_slot < $<slot>::timestamptz - $<keepMs> * interval '1 millisecond'
), pending as (
  delete from keepwatch.alert_instance
  where group_name = $<group> and state = 'pending' and not is_told and ran_at is null
    and last_slot < $<slot>::timestamptz - $<keepMs> * interval '1 millisecond'
  returning group_name, rule_uid, rule, fingerprint, incident_id, state, step, value, labels, row
)
insert into keepwatch.alert_transition (group_name, slot, rule_uid, rule, fingerprint, incident_id, from_state, to_state, reason, step, value,
  labels, row)
select group_name, $<slot>, rule_uid, rule, fingerprint, incident_id, state, 'ok', 'forgotten', step, value, labels, row from pending;
