-- Short form latency, from rollups: for a window and slots of whole minutes. Bound: now, window, quantile, and type, service, name where the rule
-- gives them. Rows: the columns of the series, events, value (milliseconds, at most 1.1 % off; without what was aborted).
select /* by */, max(total)::bigint as events,
  greatest(min(least_us), least(max(most_us), keepwatch.bucket_value(min(b) filter (where reached >= :quantile * total)))) / 1000 as value
from (
  select /* by */, b, least_us, most_us, sum(c) over (partition by /* by */ order by b) as reached, sum(c) over (partition by /* by */) as total
  from (
    select /* by */, b, sum(c)::float8 as c, min(min_us) as least_us, max(max_us) as most_us
    from keepwatch.observability_rollup_1m
    cross join lateral unnest(hb, hc) as histogram (b, c)
    where bucket >= :now - :window and bucket < :now and status <> 'aborted'
      and type = :type
      and service = :service
      and name = :name
    group by /* by */, b
  ) as merged
) as ranked
group by /* by */
