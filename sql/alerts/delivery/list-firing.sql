-- Alerts that may be the cause of others: all that fire, muted or not. No parameters. Rows: fingerprint (hex), labels.
select encode(fingerprint, 'hex') as fingerprint, labels
from keepwatch.alert_instance
where state in ('firing', 'recovering', 'nodata');
