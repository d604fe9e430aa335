-- Short form budget: what has been spent of each budget since its period began. Cost is the number cost_usd in the metadata of raw events, times
-- their weight; whose it is, says scope. Events are read once, for all budgets; where there is an index of those that cost something (the condition
-- `metadata ? 'cost_usd'`), only they are. Bound: now, and budget where the rule names one. Rows: budget, period, period_start, limit_usd,
-- spend_usd, value (the share of the limit).
with due as materialized (
  select name, period, timezone, scope, limit_usd, date_trunc(period, :now, timezone) as started_at
  from keepwatch.budgets
  where enabled
    and name = :budget
), spent as (
  select own.name, sum(metrics.weight * (metrics.metadata -> 'cost_usd')::numeric) as usd
  from keepwatch.observability_metrics as metrics
  cross join lateral (select name from due where metrics.end_time >= started_at and metrics.metadata @> scope offset 0) as own
  where metrics.end_time >= (select min(started_at) from due) and metrics.end_time < :now
    and metrics.metadata ? 'cost_usd' and jsonb_typeof(metrics.metadata -> 'cost_usd') = 'number'
  group by own.name
)
select due.name as budget, due.period, to_char(due.started_at at time zone due.timezone, 'YYYY-MM-DD') as period_start,
  due.limit_usd::float8 as limit_usd, coalesce(spent.usd, 0)::float8 as spend_usd,
  (coalesce(spent.usd, 0) / due.limit_usd)::float8 as value
from due
left join spent using (name)
