-- Alerts that people are told of, muted or not: they may be the cause of others. No parameters. Rows: rule, fingerprint (hex), state, labels,
-- incident_id.
select rule, encode(fingerprint, 'hex') as fingerprint, state, labels, incident_id
from keepwatch.alert_instance
where state in ('firing', 'recovering', 'nodata')
order by group_name, rule, alert_instance.fingerprint;
