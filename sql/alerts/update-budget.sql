-- Changes a budget that is still at a version. Parameters: name, version, scope, period, timezone, limit_usd, enabled. The row, as Budget of
-- src/alerts/definitions/budgets.ts; none when it has another version by now, or is gone. Fails with 22023 for an unknown time zone.
update keepwatch.budgets
set scope = $<scope:json>::jsonb, period = $<period>, timezone = $<timezone>, limit_usd = $<limit_usd>, enabled = $<enabled>,
  version = version + 1, updated_at = now()
where name = $<name> and version = $<version> and now() at time zone $<timezone> is not null
returning name, scope, period, timezone, limit_usd::float8 as limit_usd, enabled, version::float8 as version,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
  to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as updated_at;
