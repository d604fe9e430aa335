// What may be spent on models, and how much of it is.
import type { Panel } from '../panel.ts';

export const BUDGETS: Panel = {
  title: 'Budgets',
  description: 'What of each budget is spent, of its period so far, whatever is chosen above.',
  kind: 'table',
  unit: 'none',
  columnUnits: { limit_usd: 'currencyUSD', spent_usd: 'currencyUSD', used: 'percentunit' },
  postgres: [
    `select name as budget, period, limit_usd::float8, spent_usd::float8, (spent_usd / limit_usd)::float8 as used
from keepwatch.spending(now())
order by used desc
limit 100`,
  ],
};
