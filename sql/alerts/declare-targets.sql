-- Keeps targets that a process declares. Parameters: service, instance, targets (JSON array of type, name, quantile, limit_ms). Rows: is_new (nobody
-- had declared it).
insert into keepwatch.targets as known (service, type, name, quantile, limit_ms, declared_by)
select $<service>, type, name, quantile, limit_ms, $<instance>
from jsonb_to_recordset($<targets>::jsonb) as given(type text, name text, quantile double precision, limit_ms double precision)
order by type, name, quantile
on conflict (service, type, name, quantile) do update
  set last_seen_at = now(), limit_ms = excluded.limit_ms,
    declared_by = case when known.limit_ms = excluded.limit_ms then known.declared_by else excluded.declared_by end,
    declared_at = case when known.limit_ms = excluded.limit_ms then known.declared_at else excluded.declared_at end
returning xmax = 0 as is_new;
