-- Removes deltas of months whose rollups are no longer kept (late imports bring such), so that they are not folded into new partitions. Deltas
-- of a day whose raw rows are there stay: they are its rollups until both go. What is removed is added to the rows of its month.
-- Parameters: keepDays. One row: rows (of observability_metrics that they stood for).
with expired as (
  delete from keepwatch.rollup_deltas as delta
  where bucket < date_trunc('month', clock_timestamp() - $<keepDays> * interval '1 day' - interval '1 hour', 'UTC')
    and not exists (
      select from pg_inherits join pg_class on pg_class.oid = inhrelid
      where inhparent = 'keepwatch.observability_metrics'::regclass
        and pg_class.relname = 'observability_metrics_p' || to_char(delta.bucket at time zone 'UTC', 'YYYYMMDD')
    )
  returning date_trunc('month', bucket at time zone 'UTC') as month, rows
), noted as (
  insert into keepwatch.retired_partitions as retired (name, until, dropped_at, rows)
  select 'rollup_minutes_p' || to_char(month, 'YYYYMM'), (month + interval '1 month') at time zone 'UTC', clock_timestamp(), count(*)
  from expired group by month
  on conflict (name) do update set rows = coalesce(retired.rows, 0) + excluded.rows
)
select coalesce(sum(rows), 0)::float8 as rows from expired;
