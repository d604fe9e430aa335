-- One rule of the API. Parameters: uid. At most one row: as StoredRule of src/alerts/definitions/stored-rules.ts.
select uid, group_name as "group", every_ms::float8 as every_ms, definition, enabled, version::float8 as version,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
  to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as updated_at
from keepwatch.alert_rule
where uid = $<uid>;
