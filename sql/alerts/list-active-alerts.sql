-- Series that are pending, firing or recovering: first those that fire, and of these the oldest. Parameters: groups, rules (names; null: of all),
-- most (rows). Rows: group_name, rule, fingerprint (hex), state, labels, annotations, value, active_at, incident_id, acknowledgement (as
-- Acknowledgement of src/alerts/delivery/acknowledgements.ts, while it holds; null without).
select group_name, rule, encode(fingerprint, 'hex') as fingerprint, state, labels, annotations, value, active_at, instance.incident_id,
  case when acknowledged_at is not null then json_build_object(
    'incident_id', instance.incident_id,
    'acknowledged_at', to_char(acknowledged_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'by', acknowledged_by, 'comment', comment,
    'until', to_char(until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) end as acknowledgement
from keepwatch.alert_instance as instance
  left join keepwatch.alert_acknowledgement as acknowledged
    on acknowledged.incident_id = instance.incident_id and (until is null or until > now())
where state in ('firing', 'recovering', 'pending')
  and ($<groups>::text[] is null or group_name = any($<groups>::text[])) and ($<rules>::text[] is null or rule = any($<rules>::text[]))
order by array_position(array['firing', 'recovering', 'pending'], state), active_at, group_name, rule, instance.fingerprint
limit $<most>;
