-- Adds to the rollups, without labels, rows that are not in them, and notes that this is done: of a day, those that were archived before there
-- were rollups; or of batches, those that older versions wrote beside newer ones. What is null is not added.
-- Parameters: fromDay, untilDay (a day of before there were rollups); fromTime, untilTime (archived_at of batches), rowsFrom, rowsUntil (where
-- their rows are). One row: rows (none when it is done already).
with day as (
  delete from keepwatch.rollup_history where day = ($<fromDay>::timestamptz at time zone 'UTC')::date returning day
), batch as materialized (
  delete from keepwatch.rollup_backlog where archived_at >= $<fromTime> and archived_at <= $<untilTime> returning source_id, lane, archived_at
), missing as (
  select metrics.end_time, metrics.service, metrics.type, metrics.name, metrics.status, metrics.duration_ms, metrics.weight
  from keepwatch.observability_metrics as metrics
  where metrics.end_time >= $<fromDay> and metrics.end_time < $<untilDay> and exists (select from day)
    and metrics.created_at <= (select started_at from keepwatch.rollup_start)
    and not exists (
      select from keepwatch.rollup_exempt as exempt
      where exempt.source_id = metrics.source_id and exempt.archived_at = metrics.created_at and exempt.lane = keepwatch.lane_of(metrics.id)
    )
  union all
  select metrics.end_time, metrics.service, metrics.type, metrics.name, metrics.status, metrics.duration_ms, metrics.weight
  from keepwatch.observability_metrics as metrics
  join batch on batch.source_id = metrics.source_id and batch.archived_at = metrics.created_at and batch.lane = keepwatch.lane_of(metrics.id)
  where metrics.end_time >= $<rowsFrom> and metrics.end_time < $<rowsUntil>
), event as (
  select date_trunc('minute', end_time, 'UTC') as bucket, service, type, name, status, keepwatch.duration_us(duration_ms) as us, weight
  from missing
), raw_cells as (
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
