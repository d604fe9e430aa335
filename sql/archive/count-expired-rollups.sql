-- Counts the rows of a detached month of rollups, before it is dropped in the same transaction; its days go here. Parameters: name.
-- One row: rows; none when it is not ours to drop, or not detached yet (to drop it then would lock the whole table).
with retiring as (
  select retired.name from keepwatch.retired_partitions as retired
  where retired.name = $<name> and retired.dropped_at is null
    and not exists (select from pg_inherits where inhrelid = to_regclass('keepwatch.' || quote_ident($<name>)))
), counted as materialized (
  select count(*) as rows from keepwatch.$<name:name> where exists (select from retiring)
), month as (
  select to_date(right(name, 6), 'YYYYMM') as begin from retiring
), opened as (
  delete from keepwatch.closed_days using month where day >= begin and day < begin + interval '1 month'
), removed as (
  delete from keepwatch.rollup_days using month
  where bucket >= begin::timestamp at time zone 'UTC' and bucket < (begin + interval '1 month') at time zone 'UTC'
)
update keepwatch.retired_partitions as retired
set dropped_at = clock_timestamp(), rows = coalesce(retired.rows, 0) + counted.rows
from retiring, counted
where retired.name = retiring.name
returning counted.rows::float8 as rows;
