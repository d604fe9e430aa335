-- Compares a range of rollups per hour with those per minute, by series and status. Parameters: fromTime, untilTime, limit.
-- Rows: bucket, service, type, name, status, minutes and hours (JSON; null: nothing), differences (in all).
with minute_cells as (
  select date_trunc('hour', bucket, 'UTC') as bucket, series_id, status, b, least(sum(c), 2147483647) as c
  from keepwatch.rollup_minutes, unnest(hb, hc) as cell (b, c)
  where bucket >= $<fromTime> and bucket < $<untilTime> group by 1, 2, 3, 4
), minute_histograms as (
  select bucket, series_id, status, array_agg(b order by b) as hb, array_agg(c order by b) as hc from minute_cells group by 1, 2, 3
), minute_totals as (
  select date_trunc('hour', bucket, 'UTC') as bucket, series_id, status, sum(rows) as rows, sum(count) as count,
    least(sum(sum_us), 9223372036854775807) as sum_us, min(min_us) as min_us, max(max_us) as max_us
  from keepwatch.rollup_minutes where bucket >= $<fromTime> and bucket < $<untilTime> group by 1, 2, 3
), minutes as (
  select bucket, series_id, status, jsonb_build_object('rows', rows, 'count', count, 'sum_us', sum_us, 'min_us', min_us, 'max_us', max_us,
    'hb', hb, 'hc', hc) as minutes
  from minute_totals left join minute_histograms using (bucket, series_id, status)
), hours as (
  select bucket, series_id, status, jsonb_build_object('rows', rows, 'count', count, 'sum_us', sum_us, 'min_us', min_us, 'max_us', max_us,
    'hb', hb, 'hc', hc) as hours
  from keepwatch.rollup_hours where bucket >= $<fromTime> and bucket < $<untilTime>
)
select bucket, service, type, name, status, minutes, hours, (count(*) over ())::float8 as differences
from minutes full join hours using (bucket, series_id, status)
left join keepwatch.observability_series using (series_id)
where minutes is distinct from hours
order by bucket, series_id, status
limit $<limit>;
