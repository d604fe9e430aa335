-- Examples of the short form budget: what most was spent on since the period began, within its scope as far as usage is told apart by it.
-- Bound: now, and label_budget, a label of the alert.
select used.service, used.labels ->> 'model' as model, used.labels ->> 'team' as team, used.labels ->> 'tenant_id' as tenant_id,
  sum(used.priced) as events, sum(used.cost_usd) as spend_usd
from keepwatch.budgets as budgets
cross join lateral keepwatch.usage(from_time => date_trunc(budgets.period, :now, budgets.timezone), to_time => :now) as used
where budgets.name = :label_budget
  and used.priced > 0
  and used.labels @> keepwatch.usage_labels(budgets.scope)
group by used.service, model, team, tenant_id
order by spend_usd desc
