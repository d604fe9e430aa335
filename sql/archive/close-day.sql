-- Makes rollup_days of the hours of a day anew and notes that it is right. In a transaction that keeps others from folding. Parameters: day.
-- One row: rows. Hours never become fewer, so that each row of the day is made again. A month that is being removed is not closed.
with hour as materialized (
  select * from keepwatch.rollup_hours
  where bucket >= $<day>::date::timestamp at time zone 'UTC' and bucket < ($<day>::date + 1)::timestamp at time zone 'UTC'
), histograms as (
  select series_id, status, array_agg(b order by b) as hb, array_agg(c order by b) as hc
  from (select series_id, status, b, least(sum(c), 2147483647)::integer as c from hour, unnest(hb, hc) as cell (b, c) group by 1, 2, 3) as cells
  group by 1, 2
), totals as (
  select series_id, status, sum(rows)::bigint as rows, sum(count)::bigint as count, least(sum(sum_us), 9223372036854775807)::bigint as sum_us,
    min(min_us) as min_us, max(max_us) as max_us
  from hour group by 1, 2
), made as (
  insert into keepwatch.rollup_days (bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc)
  select $<day>::date::timestamp at time zone 'UTC', series_id, status, rows, count, sum_us, min_us, max_us, hb, hc
  from totals join histograms using (series_id, status)
  order by series_id, status
  on conflict (bucket, series_id, status) do update
  set (rows, count, sum_us, min_us, max_us, hb, hc)
    = (excluded.rows, excluded.count, excluded.sum_us, excluded.min_us, excluded.max_us, excluded.hb, excluded.hc)
  returning 1
), closed as (
  insert into keepwatch.closed_days as closed (day, closed_at)
  select $<day>::date, clock_timestamp()
  where not exists (
    select from keepwatch.retired_partitions as retired
    where retired.name ~ '^rollup_' and retired.dropped_at is null and right(retired.name, 6) = to_char($<day>::date, 'YYYYMM')
  )
  on conflict (day) do update set closed_at = excluded.closed_at, is_changed = false
)
select count(*)::int as rows from made;
