-- Every pending or firing series. No parameters. Rows: group_name, rule, fingerprint (hex), state, labels, annotations, value, active_at, incident_id.
select group_name, rule, encode(fingerprint, 'hex') as fingerprint, state, labels, annotations, value, active_at, incident_id
from keepwatch.alert_instance
where state <> 'ok'
order by group_name, rule, active_at, fingerprint;
