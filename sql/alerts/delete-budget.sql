-- Removes a budget that is still at a version. Parameters: name, version. The row as it was, as Budget of src/alerts/definitions/budgets.ts;
-- none when it has another version by now, or is gone.
delete from keepwatch.budgets
where name = $<name> and version = $<version>
returning name, scope, period, timezone, limit_usd::float8 as limit_usd, enabled, version::float8 as version,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
  to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as updated_at;
