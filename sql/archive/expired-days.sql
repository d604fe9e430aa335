-- Partitions of a table by day whose rows are all older than keepDays (and an hour, for batches under way), and how far their removal is; days
-- of observability_metrics whose rows are still to be added to the rollups stay. Those that are being detached first (there can be one at a
-- time), then the oldest. Parameters: keepDays, parent (the table). Rows: name, parent, until, state (attached: nothing is done; detaching:
-- begun and not finished; detached: to be dropped), bytes (with indexes), noted (which partitions are noted at once as to be removed).
with leaf as (
  select pg_class.oid, pg_class.relname as name,
    (to_date(substring(pg_class.relname from 'p(\d{8})$'), 'YYYYMMDD') + 1)::timestamp at time zone 'UTC' as until,
    pg_inherits.inhdetachpending as is_detaching
  from pg_class
  left join pg_inherits on pg_inherits.inhrelid = pg_class.oid
  where pg_class.relnamespace = 'keepwatch'::regnamespace and pg_class.relname ~ ('^' || $<parent> || '_p\d{8}$') and pg_class.relkind = 'r'
)
select leaf.name::text as name, $<parent> as parent, leaf.until,
  case when leaf.is_detaching then 'detaching' when leaf.is_detaching is null then 'detached' else 'attached' end as state,
  coalesce(pg_total_relation_size(leaf.oid), 0)::float8 as bytes, array[leaf.name::text] as noted
from leaf
left join keepwatch.retired_partitions as retired on retired.name = leaf.name and retired.dropped_at is null
where (leaf.is_detaching is not null and leaf.until <= clock_timestamp() - $<keepDays> * interval '1 day' - interval '1 hour'
    and ($<parent> <> 'observability_metrics'
      or not exists (select from keepwatch.rollup_history where day = (leaf.until at time zone 'UTC')::date - 1)))
  or retired.name is not null
order by leaf.is_detaching desc nulls last, leaf.until;
