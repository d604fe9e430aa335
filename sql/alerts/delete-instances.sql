-- Forgets series. Parameters: instances (JSON array of rule_uid and fingerprint). No rows.
delete from keepwatch.alert_instance
using jsonb_to_recordset($<instances:json>::jsonb) as given(rule_uid text, fingerprint text)
where alert_instance.rule_uid = given.rule_uid and alert_instance.fingerprint = decode(given.fingerprint, 'hex');
