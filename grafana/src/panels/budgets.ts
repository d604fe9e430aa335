// What may be spent on models, and how much of it is.
import type { Panel } from '../panel.ts';

export const BUDGETS: Panel = {
  title: 'Budgets',
  description: 'What of each budget is spent, of its period so far.',
  kind: 'table',
  unit: 'none',
  columnUnits: { limit_usd: 'currencyUSD', spent_usd: 'currencyUSD', used: 'percentunit' },
  postgres: [
    `select budgets.name as budget, budgets.period, budgets.limit_usd::float8, coalesce(spent.usd, 0)::float8 as spent_usd,
  (coalesce(spent.usd, 0) / budgets.limit_usd)::float8 as used
from keepwatch.budgets
left join lateral (
  select sum(weight * (metadata ->> 'cost_usd')::numeric) as usd
  from keepwatch.observability_metrics
  where end_time >= date_trunc(budgets.period, now(), budgets.timezone) and end_time < now() and metadata @> budgets.scope
    and jsonb_typeof(metadata -> 'cost_usd') = 'number'
) as spent on true
where budgets.enabled
order by used desc
limit 100`,
  ],
};
