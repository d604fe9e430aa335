-- Examples of the short form budget: what most was spent on since the period began. Bound: now, and label_budget, a label of the alert.
select metrics.service, metrics.name, metrics.metadata ->> 'model' as model, count(*) as events,
  sum(metrics.weight * (metrics.metadata ->> 'cost_usd')::numeric) as spend_usd
from keepwatch.budgets as budgets
join keepwatch.observability_metrics as metrics
  on metrics.end_time >= date_trunc(budgets.period, :now, budgets.timezone) and metrics.end_time < :now and metrics.metadata @> budgets.scope
where budgets.name = :label_budget
  and metrics.metadata ? 'cost_usd' and jsonb_typeof(metrics.metadata -> 'cost_usd') = 'number'
group by metrics.service, metrics.name, metrics.metadata ->> 'model'
order by spend_usd desc
