-- Hours that are to be closed: those that have been over for settleSeconds and are not closed, of days whose raw rows are there; of those that were
-- opened again only such as have been for settleSeconds. Not those of which deltas wait: they would be opened again.
-- Parameters: settleSeconds, limit. Rows, the newest first: since, until (hours of one day that follow each other).
with day as (
  select to_date(substring(pg_class.relname from '^observability_metrics_p(\d{8})$'), 'YYYYMMDD')::timestamp at time zone 'UTC' as since
  from pg_inherits
  join pg_class on pg_class.oid = pg_inherits.inhrelid
  where pg_inherits.inhparent = 'keepwatch.observability_metrics'::regclass and not pg_inherits.inhdetachpending
    and pg_class.relname ~ '^observability_metrics_p\d{8}$'
), due as (
  select day.since as day, hour.begin as hour, hour.begin - row_number() over (partition by day.since order by hour.begin) * interval '1 hour' as island
  from day
  cross join lateral generate_series(day.since, day.since + interval '23 hours', interval '1 hour') as hour (begin)
  left join keepwatch.usage_closings as closing on closing.hour = hour.begin
  where hour.begin + interval '1 hour' <= clock_timestamp() - $<settleSeconds> * interval '1 second'
    and (closing.hour is null or closing.reopened_at <= clock_timestamp() - $<settleSeconds> * interval '1 second')
    and not keepwatch.is_retired(day.since)
    and hour.begin not in (select date_trunc('hour', bucket, 'UTC') from keepwatch.rollup_deltas)
)
select min(hour) as since, max(hour) + interval '1 hour' as until
from due
group by day, island
order by since desc
limit $<limit>;
