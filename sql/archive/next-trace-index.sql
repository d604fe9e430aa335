-- The next step on the way to an index of time and trace id on each day, which earlier versions made without the time: what was left unfinished
-- is dropped, the new index is made, the old one is dropped. The newest day first; days at which somebody else is at work are left out, and
-- all of them while a transaction is open that an index would have to wait for. No parameters.
-- One row: step (create, drop), leaf, index; none when there is nothing to do, or not now.
with leaf as (
  select pg_class.oid, pg_class.relname as name
  from pg_inherits
  join pg_class on pg_class.oid = pg_inherits.inhrelid
  where pg_inherits.inhparent = 'keepwatch.observability_metrics'::regclass and not pg_inherits.inhdetachpending
), indexed as (
  select leaf.name, made.oid as made, pg_index.indisvalid as is_valid, earlier.oid as earlier
  from leaf
  left join pg_class as made on made.relnamespace = 'keepwatch'::regnamespace and made.relname = leaf.name || '_end_time_trace_id_idx'
  left join pg_index on pg_index.indexrelid = made.oid
  left join pg_class as earlier on earlier.relnamespace = 'keepwatch'::regnamespace and earlier.relname = leaf.name || '_trace_id_idx'
  where not exists (select from pg_locks where relation = leaf.oid and mode = 'ShareUpdateExclusiveLock')
)
select case when made is null then 'create' else 'drop' end as step, name::text as leaf,
  name || case when made is null or not is_valid then '_end_time_trace_id_idx' else '_trace_id_idx' end as index
from indexed
where (made is null or not is_valid or earlier is not null)
  and not exists (
    select from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and xact_start < clock_timestamp() - interval '1 second'
  )
order by name desc
limit 1;
