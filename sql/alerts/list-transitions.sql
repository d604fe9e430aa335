-- Transitions of series whose slots lie in [from, to), newest first, behind the one that the cursor names. Parameters: from, to (milliseconds since
-- the epoch), limit, beforeTime, beforeId (null: from the newest); each null for all: rule (name or uid), state (that was reached), incident.
-- Rows: as TransitionEntry of src/alerts/history.ts.
select id::text as id, to_char(slot at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time, group_name as "group", rule,
  rule_uid, encode(fingerprint, 'hex') as fingerprint, incident_id, from_state, to_state, reason, suppressed,
  value::text as value, labels, row
from keepwatch.alert_transition
where slot >= to_timestamp($<from>::float8 / 1000) and slot < to_timestamp($<to>::float8 / 1000)
  and ($<rule> is null or rule = $<rule> or rule_uid = $<rule>)
  and ($<state> is null or to_state = $<state>)
  and ($<incident> is null or incident_id = $<incident>::uuid)
  and ($<beforeTime> is null or (slot, id) < ($<beforeTime>::timestamptz, $<beforeId>::bigint))
order by slot desc, id desc
limit $<limit>;
