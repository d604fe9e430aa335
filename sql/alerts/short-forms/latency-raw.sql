-- Short form latency, from raw events: exact, for any window and slot. Bound: now, window, quantile, and type, service, name where the rule gives
-- them. Rows: the columns of the series, events, value (milliseconds; without what was aborted).
select /* by */, max(total)::bigint as events, min(duration_ms) filter (where reached >= :quantile * total) as value
from (
  select /* by */, duration_ms, sum(weight) over (partition by /* by */ order by duration_ms)::float8 as reached,
    sum(weight) over (partition by /* by */)::float8 as total
  from keepwatch.observability_metrics
  where end_time >= :now - :window and end_time < :now and status <> 'aborted'
    and type = :type
    and service = :service
    and name = :name
) as ranked
group by /* by */
