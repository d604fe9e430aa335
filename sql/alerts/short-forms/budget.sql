-- Short form budget: what has been spent of each budget since its period began. Bound: now, and budget where the rule names one. Rows: budget,
-- period, period_start, limit_usd, spend_usd, value (the share of the limit).
select name as budget, period, period_start::text as period_start, limit_usd::float8 as limit_usd, spent_usd::float8 as spend_usd,
  (spent_usd / limit_usd)::float8 as value
from keepwatch.spending(
  :now
  , :budget
)
