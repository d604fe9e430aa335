-- Short form error_rate, from rollups: for a window and slots of whole minutes. Bound: now, window, and type, service, name where the rule gives
-- them. Rows: the columns of the series, events, failures, value (the share that failed, of those that were not aborted).
select /* by */, sum(count)::bigint as events, sum(failures)::bigint as failures,
  sum(failures)::float8 / nullif(sum(count), 0)::float8 as value
from keepwatch.observability_rollup_1m
where bucket >= :now - :window and bucket < :now and status <> 'aborted'
  and type = :type
  and service = :service
  and name = :name
group by /* by */
