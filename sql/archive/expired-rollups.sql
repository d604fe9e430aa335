-- Partitions of rollup_minutes and rollup_hours whose month is all older than keepDays (and an hour, for folds under way), and how far their
-- removal is. Rollups outlive raw rows: a month stays while a day of it is attached to observability_metrics, but for days that are older
-- than keepDaysOfEvents (null: for all). Those that are being detached first (there can be one at a time), then the oldest.
-- Parameters: keepDays, keepDaysOfEvents. Rows: as those of expired-days. Minutes and hours of a month are noted at once: until both
-- are gone they are not compared with each other.
with leaf as (
  select pg_class.oid, pg_class.relname as name, substring(pg_class.relname from '^(.*)_p\d{6}$') as parent,
    substring(pg_class.relname from '\d{6}$') as month,
    (to_date(substring(pg_class.relname from '\d{6}$'), 'YYYYMM') + interval '1 month')::timestamp at time zone 'UTC' as until,
    pg_inherits.inhdetachpending as is_detaching
  from pg_class
  left join pg_inherits on pg_inherits.inhrelid = pg_class.oid
  where pg_class.relnamespace = 'keepwatch'::regnamespace and pg_class.relname ~ '^rollup_(minutes|hours)_p\d{6}$' and pg_class.relkind = 'r'
), kept_month as (
  select distinct to_char(day, 'YYYYMM') as month
  from pg_inherits
  join pg_class on pg_class.oid = pg_inherits.inhrelid
  cross join lateral to_date(substring(pg_class.relname from '^observability_metrics_p(\d{8})$'), 'YYYYMMDD') as day
  where pg_inherits.inhparent = 'keepwatch.observability_metrics'::regclass
    and ((day + 1)::timestamp at time zone 'UTC' <= clock_timestamp() - $<keepDaysOfEvents> * interval '1 day' - interval '1 hour') is not true
)
select leaf.name::text as name, leaf.parent, leaf.until,
  case when leaf.is_detaching then 'detaching' when leaf.is_detaching is null then 'detached' else 'attached' end as state,
  coalesce(pg_total_relation_size(leaf.oid), 0)::float8 as bytes,
  array['rollup_minutes_p' || leaf.month, 'rollup_hours_p' || leaf.month] as noted
from leaf
left join keepwatch.retired_partitions as retired on retired.name = leaf.name and retired.dropped_at is null
where (leaf.is_detaching is not null and leaf.until <= clock_timestamp() - $<keepDays> * interval '1 day' - interval '1 hour'
    and leaf.month not in (select month from kept_month where month is not null))
  or retired.name is not null
order by leaf.is_detaching desc nulls last, leaf.until, leaf.name desc;
