-- Short forms throughput and absence, from raw events: for any window and slot. Series that ran in the hours that began within lookback have a
-- row, at 0 too. Bound: now, window, lookback, and type, service, name where the rule gives them. Rows: the columns of the series, events,
-- value (executions per minute).
with known as (
  select /* by */
  from keepwatch.observability_rollup_1h
  where bucket >= :now - :lookback and bucket < date_bin('1 hour', :now, 'epoch')
    and type = :type
    and service = :service
    and name = :name
  group by /* by */
), recent as (
  select /* by */, coalesce(sum(weight) filter (where end_time >= :now - :window), 0) as events
  from keepwatch.observability_metrics
  where end_time >= least(:now - :window, greatest(:now - :lookback, date_bin('1 hour', :now, 'epoch'))) and end_time < :now
    and type = :type
    and service = :service
    and name = :name
  group by /* by */
)
select /* by */, coalesce(events, 0)::bigint as events, (60 * coalesce(events, 0) / extract(epoch from :window))::float8 as value
from known full join recent using (/* by */)
