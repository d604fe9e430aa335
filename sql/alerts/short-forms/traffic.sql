-- Short forms throughput and absence, from rollups: for a window and slots of whole minutes. Series that ran in the hours that began within
-- lookback have a row, at 0 too. Bound: now, window, lookback, and type, service, name where the rule gives them. Rows: the columns of the
-- series, events, value (executions per minute).
with known as (
  select /* by */
  from keepwatch.observability_rollup_1h
  where bucket >= :now - :lookback and bucket < date_bin('1 hour', :now, 'epoch')
    and type = :type
    and service = :service
    and name = :name
  union
  select /* by */
  from keepwatch.observability_rollup_1m
  where bucket >= greatest(:now - :lookback, date_bin('1 hour', :now, 'epoch')) and bucket < :now
    and type = :type
    and service = :service
    and name = :name
), recent as (
  select /* by */, sum(count) as events
  from keepwatch.observability_rollup_1m
  where bucket >= :now - :window and bucket < :now
    and type = :type
    and service = :service
    and name = :name
  group by /* by */
)
select /* by */, coalesce(events, 0)::bigint as events, (60 * coalesce(events, 0) / extract(epoch from :window))::float8 as value
from known full join recent using (/* by */)
