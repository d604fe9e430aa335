-- What there is of rollups, and what is still to be added to them. No parameters.
-- One row: months (of which there are partitions, as YYYY-MM, oldest first; without those that retention is removing, of which only minutes or
-- only hours may be left), started_at, history_days, backlog_batches.
select
  coalesce((
    select array_agg(distinct substring(relname from 'p(\d{4})\d{2}$') || '-' || substring(relname from 'p\d{4}(\d{2})$')
      order by substring(relname from 'p(\d{4})\d{2}$') || '-' || substring(relname from 'p\d{4}(\d{2})$'))
    from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent in ('keepwatch.rollup_minutes'::regclass, 'keepwatch.rollup_hours'::regclass)
      and not exists (
        select from keepwatch.retired_partitions as retired
        where retired.name ~ '^rollup_' and retired.dropped_at is null and right(retired.name, 6) = right(relname, 6)
      )
  ), '{}') as months,
  (select started_at from keepwatch.rollup_start) as started_at,
  (select count(*)::int from keepwatch.rollup_history) as history_days,
  (select count(*)::int from keepwatch.rollup_backlog) as backlog_batches;
