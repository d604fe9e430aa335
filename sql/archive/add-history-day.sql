-- Adds to the rollups the rows of a day that were archived before there were rollups, without labels, and notes that this is done.
-- Parameters: fromDay, untilDay. One row: rows (none when the day is done already).
with day as (
  delete from keepwatch.rollup_history where day = ($<fromDay>::timestamptz at time zone 'UTC')::date returning day
), event as (
  select date_trunc('minute', metrics.end_time, 'UTC') as bucket, metrics.service, metrics.type, metrics.name, metrics.status,
    keepwatch.duration_us(metrics.duration_ms) as us, metrics.weight
  from keepwatch.observability_metrics as metrics
  where metrics.end_time >= $<fromDay> and metrics.end_time < $<untilDay> and exists (select from day)
    and metrics.created_at <= (select started_at from keepwatch.rollup_start)
    and not exists (
      select from keepwatch.rollup_exempt as exempt
      where exempt.source_id = metrics.source_id and exempt.archived_at = metrics.created_at and exempt.lane = keepwatch.lane_of(metrics.id)
    )
),
raw_cells as (
  select bucket, service, type, name, status, keepwatch.bucket_of(us) as b, count(*) as rows, sum(weight)::bigint as c,
    sum(us::numeric * weight) as sum_us, min(us) as min_us, max(us) as max_us
  from event group by 1, 2, 3, 4, 5, 6
), delta as (
  select bucket, service, type, name, status, sum(rows)::bigint as rows, sum(c)::bigint as count,
    least(sum(sum_us), 9223372036854775807)::bigint as sum_us, min(min_us) as min_us, max(max_us) as max_us,
    array_agg(b order by b) as hb, array_agg(c order by b) as hc
  from raw_cells group by 1, 2, 3, 4, 5
), series as materialized (
  select service, type, name, keepwatch.series_id(service, type, name) as series_id
  from (select distinct service, type, name from delta) as named
), made as (
  insert into keepwatch.observability_series (series_id, service, type, name)
  select series_id, service, type, name from series order by series_id
  on conflict (series_id) do nothing
), added as (
  insert into keepwatch.rollup_deltas (bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc)
  select bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc from delta join series using (service, type, name)
)
select coalesce(sum(rows), 0)::float8 as rows from delta;
