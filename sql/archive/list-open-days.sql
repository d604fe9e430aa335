-- The newest days whose rollups are to be made of their hours: they are over, and were never made, or have changed since and were made a while
-- ago; in months of which minutes and hours are there. Parameters: settleSeconds (how long they are over), againSeconds (how long ago they were
-- made), limit. Rows: day (2026-11-20).
with month as (
  select to_date(right(pg_class.relname, 6), 'YYYYMM')::timestamp as begin
  from pg_inherits join pg_class on pg_class.oid = inhrelid
  where inhparent in ('keepwatch.rollup_minutes'::regclass, 'keepwatch.rollup_hours'::regclass) and not inhdetachpending
    and not exists (
      select from keepwatch.retired_partitions as retired
      where retired.name ~ '^rollup_' and retired.dropped_at is null and right(retired.name, 6) = right(pg_class.relname, 6)
    )
  group by 1
  having count(*) = 2
)
select to_char(begin, 'YYYY-MM-DD') as day
from (select generate_series(begin, begin + interval '1 month' - interval '1 day', interval '1 day') as begin from month) as days
left join keepwatch.closed_days as closed on closed.day = days.begin::date
where (days.begin + interval '1 day') at time zone 'UTC' <= clock_timestamp() - $<settleSeconds> * interval '1 second'
  and (closed.day is null or closed.is_changed and closed.closed_at <= clock_timestamp() - $<againSeconds> * interval '1 second')
order by days.begin desc
limit $<limit>;
