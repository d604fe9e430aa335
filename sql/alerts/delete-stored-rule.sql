-- Removes a rule of the API. Parameters: uid. No rows.
delete from keepwatch.alert_rule where uid = $<uid>;
