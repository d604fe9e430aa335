-- Short form error_rate, from raw events: for any window and slot. Bound: now, window, and type, service, name where the rule gives them.
-- Rows: the columns of the series, events, failures, value (the share that failed, of those that were not aborted).
select /* by */, sum(weight)::bigint as events, coalesce(sum(weight) filter (where status = 'failure'), 0)::bigint as failures,
  coalesce(sum(weight) filter (where status = 'failure'), 0)::float8 / nullif(sum(weight), 0)::float8 as value
from keepwatch.observability_metrics
where end_time >= :now - :window and end_time < :now and status <> 'aborted'
  and type = :type
  and service = :service
  and name = :name
group by /* by */
