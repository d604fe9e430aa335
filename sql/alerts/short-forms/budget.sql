-- Short form budget: what has been spent of each budget since its period began. Where scope names only what usage is told apart by, it is
-- keepwatch.usage, read once for each begin of a period; else the number cost_usd in the metadata of raw events, times their weight, read once
-- for all those budgets. Bound: now, and budget where the rule names one. Rows: budget, period, period_start, limit_usd, spend_usd, value (the
-- share of the limit).
with due as materialized (
  select name, period, timezone, scope, limit_usd, date_trunc(period, :now, timezone) as started_at, keepwatch.is_usage_scope(scope) as is_usage
  from keepwatch.budgets
  where enabled
    and name = :budget
), used as materialized (
  select started_at, used.labels, sum(used.cost_usd) as usd
  from (select distinct started_at from due where is_usage) as period
  cross join lateral keepwatch.usage(from_time => period.started_at, to_time => :now) as used
  where used.priced > 0
  group by started_at, used.labels
), spent as (
  select due.name, sum(used.usd) as usd
  from due
  join used on used.started_at = due.started_at and used.labels @> due.scope
  where due.is_usage
  group by due.name
  union all
  select own.name, sum(metrics.weight * (metrics.metadata -> 'cost_usd')::numeric)
  from keepwatch.observability_metrics as metrics
  cross join lateral (select name from due where not is_usage and metrics.end_time >= started_at and metrics.metadata @> scope offset 0) as own
  where metrics.end_time >= (select min(started_at) from due where not is_usage) and metrics.end_time < :now
    and metrics.metadata ? 'cost_usd' and jsonb_typeof(metrics.metadata -> 'cost_usd') = 'number'
  group by own.name
)
select due.name as budget, due.period, to_char(due.started_at at time zone due.timezone, 'YYYY-MM-DD') as period_start,
  due.limit_usd::float8 as limit_usd, coalesce(spent.usd, 0)::float8 as spend_usd,
  (coalesce(spent.usd, 0) / due.limit_usd)::float8 as value
from due
left join spent using (name)
