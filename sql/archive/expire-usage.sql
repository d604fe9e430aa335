-- Removes usage of months whose rollups are no longer kept, but for that of days whose raw rows are there. Parameters: keepDays. One row: hours.
with bound as (
  select least(
    date_trunc('month', clock_timestamp() - $<keepDays> * interval '1 day' - interval '1 hour', 'UTC'),
    (
      select min(to_date(substring(pg_class.relname from '\d{8}$'), 'YYYYMMDD'))::timestamp at time zone 'UTC'
      from pg_inherits
      join pg_class on pg_class.oid = pg_inherits.inhrelid
      where pg_inherits.inhparent = 'keepwatch.observability_metrics'::regclass and pg_class.relname ~ '^observability_metrics_p\d{8}$'
    )
  ) as moment
), expired as (
  delete from keepwatch.usage_closings where hour < (select moment from bound) returning hour
), gone as (
  delete from keepwatch.usage_hours where bucket < (select moment from bound)
)
select count(*)::int as hours from expired;
