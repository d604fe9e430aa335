-- Makes a budget. Parameters: name, scope, period, timezone, limit_usd, enabled, most (budgets at most). The row, as Budget of
-- src/alerts/definitions/budgets.ts; none when the name is taken, or there are that many. Fails with 22023 for an unknown time zone.
insert into keepwatch.budgets (name, scope, period, timezone, limit_usd, enabled)
select $<name>, $<scope:json>::jsonb, $<period>, $<timezone>, $<limit_usd>, $<enabled>
where now() at time zone $<timezone> is not null and (select count(*) from keepwatch.budgets) < $<most>
on conflict (name) do nothing
returning name, scope, period, timezone, limit_usd::float8 as limit_usd, enabled, version::float8 as version,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
  to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as updated_at;
