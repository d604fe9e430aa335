-- Takes back an acknowledgement. Parameters: incident. No rows.
delete from keepwatch.alert_acknowledgement where incident_id = $<incident>;
