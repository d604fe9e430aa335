-- Folds deltas of minutes that are over into rollup_minutes and rollup_hours: all three change at once, so that readers never count twice or
-- too little. Days whose hours change, and hours of usage that rows came late to, are open again: what was made of them is not read until it is
-- made anew. Deltas of months that are no longer kept are left to expire-deltas, and of months that have no partitions to themselves (one
-- is being removed, or a person has detached it). To be run by one process at a time.
-- Parameters: seconds (how long a minute has begun), keepDays (null: all are kept), limit. One row: folded (deltas).
with taken as (
  delete from keepwatch.rollup_deltas
  where ctid = any (array(
    select ctid from keepwatch.rollup_deltas
    where bucket < clock_timestamp() - $<seconds> * interval '1 second'
      and bucket >= coalesce(date_trunc('month', clock_timestamp() - $<keepDays> * interval '1 day', 'UTC'), '-infinity')
      and to_char(bucket at time zone 'UTC', 'YYYYMM') = any (array(
        select right(pg_class.relname, 6) from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent in ('keepwatch.rollup_minutes'::regclass, 'keepwatch.rollup_hours'::regclass) and not inhdetachpending
        group by 1 having count(*) = 2
      ))
    limit $<limit>
  ))
  returning *
), reopened as (
  update keepwatch.usage_closings set reopened_at = clock_timestamp()
  where reopened_at is null and hour in (select distinct date_trunc('hour', bucket, 'UTC') from taken)
), minute_cells as (
  select bucket, series_id, status, b, least(sum(c), 2147483647)::integer as c from taken, unnest(hb, hc) as cell (b, c) group by 1, 2, 3, 4
), minute_histograms as (
  select bucket, series_id, status, array_agg(b order by b) as hb, array_agg(c order by b) as hc from minute_cells group by 1, 2, 3
), minute_totals as (
  select bucket, series_id, status, sum(rows)::bigint as rows, sum(count)::bigint as count,
    least(sum(sum_us), 9223372036854775807)::bigint as sum_us, min(min_us) as min_us, max(max_us) as max_us
  from taken group by 1, 2, 3
), minutes as (
  select bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc
  from minute_totals join minute_histograms using (bucket, series_id, status)
), folded_minutes as (
  insert into keepwatch.rollup_minutes as known (bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc)
  select * from minutes
  on conflict (series_id, bucket, status) do update
  set rows = known.rows + excluded.rows,
    count = known.count + excluded.count,
    sum_us = least(known.sum_us::numeric + excluded.sum_us, 9223372036854775807)::bigint,
    min_us = least(known.min_us, excluded.min_us),
    max_us = greatest(known.max_us, excluded.max_us),
    (hb, hc) = (
      select array_agg(b order by b), array_agg(c order by b)
      from (
        select b, least(sum(c), 2147483647)::integer as c
        from (select * from unnest(known.hb, known.hc) union all select * from unnest(excluded.hb, excluded.hc)) as cell (b, c)
        group by b
      ) as merged
    )
), hour_cells as (
  select date_trunc('hour', bucket, 'UTC') as bucket, series_id, status, b, least(sum(c), 2147483647)::integer as c
  from minutes, unnest(hb, hc) as cell (b, c) group by 1, 2, 3, 4
), hour_histograms as (
  select bucket, series_id, status, array_agg(b order by b) as hb, array_agg(c order by b) as hc from hour_cells group by 1, 2, 3
), hour_totals as (
  select date_trunc('hour', bucket, 'UTC') as bucket, series_id, status, sum(rows)::bigint as rows, sum(count)::bigint as count,
    least(sum(sum_us), 9223372036854775807)::bigint as sum_us, min(min_us) as min_us, max(max_us) as max_us
  from minutes group by 1, 2, 3
), folded_hours as (
  insert into keepwatch.rollup_hours as known (bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc)
  select bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc
  from hour_totals join hour_histograms using (bucket, series_id, status)
  on conflict (series_id, bucket, status) do update
  set rows = known.rows + excluded.rows,
    count = known.count + excluded.count,
    sum_us = least(known.sum_us::numeric + excluded.sum_us, 9223372036854775807)::bigint,
    min_us = least(known.min_us, excluded.min_us),
    max_us = greatest(known.max_us, excluded.max_us),
    (hb, hc) = (
      select array_agg(b order by b), array_agg(c order by b)
      from (
        select b, least(sum(c), 2147483647)::integer as c
        from (select * from unnest(known.hb, known.hc) union all select * from unnest(excluded.hb, excluded.hc)) as cell (b, c)
        group by b
      ) as merged
    )
), changed_days as (
  update keepwatch.closed_days set is_changed = true
  where not is_changed and day in (select (bucket at time zone 'UTC')::date from hour_totals)
)
select count(*)::int as folded from taken;
