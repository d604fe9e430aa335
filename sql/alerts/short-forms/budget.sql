-- Short form budget: what has been spent of each budget since its period began. Cost is the number cost_usd in the metadata of raw events, times
-- their weight; whose it is, says scope. Bound: now, and budget where the rule names one. Rows: budget, period, period_start, limit_usd,
-- spend_usd, value (the share of the limit).
select budgets.name as budget, budgets.period, to_char(started_at at time zone budgets.timezone, 'YYYY-MM-DD') as period_start,
  budgets.limit_usd::float8 as limit_usd, coalesce(spent.usd, 0)::float8 as spend_usd,
  (coalesce(spent.usd, 0) / budgets.limit_usd)::float8 as value
from keepwatch.budgets as budgets
cross join lateral (select date_trunc(budgets.period, :now, budgets.timezone) as started_at) as this_period
left join lateral (
  select sum(weight * (metadata ->> 'cost_usd')::numeric) as usd
  from keepwatch.observability_metrics
  where end_time >= started_at and end_time < :now and metadata @> budgets.scope and jsonb_typeof(metadata -> 'cost_usd') = 'number'
) as spent on true
where budgets.enabled
  and budgets.name = :budget
