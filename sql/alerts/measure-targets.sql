-- Targets that hold, with what the archive says of executions that ended in [from, to). Parameters: from, to (milliseconds since the epoch);
-- service, type, name (each null for all); days, limit. Rows: as StoredTarget of src/alerts/definitions/targets.ts, count (without aborted ones),
-- measured_ms (null when there are none).
select service, type, name, quantile, limit_ms, declared_by,
  to_char(declared_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as declared_at,
  to_char(last_seen_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as last_seen_at,
  coalesce(measured.count - measured.aborted, 0)::float8 as count, measured.quantiles_us[1] / 1000 as measured_ms
from (
  select *
  from keepwatch.targets
  where last_seen_at > now() - make_interval(days => $<days>)
    and ($<service> is null or service = $<service>) and ($<type> is null or type = $<type>) and ($<name> is null or name = $<name>)
  order by service, type, name, quantile
  limit $<limit>
) as wanted
left join lateral (
  select count, aborted, quantiles_us
  from keepwatch.measure(to_timestamp($<from>::float8 / 1000), to_timestamp($<to>::float8 / 1000), wanted.type, wanted.name, wanted.service,
    'all', null, array[wanted.quantile])
) as measured on true
order by service, type, name, quantile;
