-- Series that are pending, firing or recovering: first those that fire, and of these the oldest. Parameters: groups, rules (names; null: of all),
-- most (rows). Rows: group_name, rule, fingerprint (hex), state, labels, annotations, value, active_at, incident_id.
select group_name, rule, encode(fingerprint, 'hex') as fingerprint, state, labels, annotations, value, active_at, incident_id
from keepwatch.alert_instance
where state in ('firing', 'recovering', 'pending')
  and ($<groups>::text[] is null or group_name = any($<groups>::text[])) and ($<rules>::text[] is null or rule = any($<rules>::text[]))
order by array_position(array['firing', 'recovering', 'pending'], state), active_at, group_name, rule, alert_instance.fingerprint
limit $<most>;
