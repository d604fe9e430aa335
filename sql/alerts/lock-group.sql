-- Holds the row of a group until the end of the transaction, so that nobody commits a slot of it meanwhile. Parameters: group.
-- Row: now_ms (clock of Postgres, whole ms).
select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms from keepwatch.alert_group where group_name = $<group> for update;
