-- The tables that hold archived log lines: partitions, and those that retention has detached and not yet dropped, whose rows it has not
-- counted. No parameters. Rows: name, from_day and until_day (of an attached partition that is a day of ours; else null), bytes, was_removed
-- (of no interest here: no rollups are made of them).
with leaf as (
  select pg_class.oid, pg_class.relname as name, pg_inherits.inhdetachpending is false as is_attached,
    to_date(substring(pg_class.relname from '^observability_logs_p(\d{8})$'), 'YYYYMMDD') as day
  from pg_class
  left join pg_inherits on pg_inherits.inhrelid = pg_class.oid and pg_inherits.inhparent = to_regclass('keepwatch.observability_logs')
  left join keepwatch.retired_partitions as retired on retired.name = pg_class.relname and retired.dropped_at is null
  where pg_class.relnamespace = 'keepwatch'::regnamespace and pg_class.relkind = 'r'
    and (pg_inherits.inhrelid is not null or (retired.name is not null and pg_class.relname ~ '^observability_logs_p\d{8}$'))
)
select name, case when is_attached then day::timestamp at time zone 'UTC' end as from_day,
  case when is_attached then (day + 1)::timestamp at time zone 'UTC' end as until_day,
  coalesce(pg_relation_size(oid), 0)::float8 as bytes, false as was_removed
from leaf
order by name;
