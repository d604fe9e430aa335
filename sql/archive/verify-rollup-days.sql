-- Compares closed days of a range with their hours, by series and status. Parameters: fromTime, untilTime, limit.
-- Rows: bucket, service, type, name, status, hours and days (JSON; null: nothing), differences (in all).
with closed as materialized (
  select day::timestamp at time zone 'UTC' as begin, (day + 1)::timestamp at time zone 'UTC' as until from keepwatch.closed_days
  where not is_changed and day >= $<fromTime>::timestamptz at time zone 'UTC' and day < $<untilTime>::timestamptz at time zone 'UTC'
), hour as materialized (
  select closed.begin as day, hour.* from closed join keepwatch.rollup_hours as hour on hour.bucket >= closed.begin and hour.bucket < closed.until
), histograms as (
  select day, series_id, status, array_agg(b order by b) as hb, array_agg(c order by b) as hc
  from (select day, series_id, status, b, least(sum(c), 2147483647) as c from hour, unnest(hb, hc) as cell (b, c) group by 1, 2, 3, 4) as cells
  group by 1, 2, 3
), totals as (
  select day, series_id, status, sum(rows) as rows, sum(count) as count, least(sum(sum_us), 9223372036854775807) as sum_us, min(min_us) as min_us,
    max(max_us) as max_us
  from hour group by 1, 2, 3
), hours as (
  select day as bucket, series_id, status, jsonb_build_object('rows', rows, 'count', count, 'sum_us', sum_us, 'min_us', min_us, 'max_us', max_us,
    'hb', hb, 'hc', hc) as hours
  from totals left join histograms using (day, series_id, status)
), days as (
  select bucket, series_id, status, jsonb_build_object('rows', rows, 'count', count, 'sum_us', sum_us, 'min_us', min_us, 'max_us', max_us,
    'hb', hb, 'hc', hc) as days
  from keepwatch.rollup_days where bucket in (select begin from closed)
)
select bucket, service, type, name, status, hours, days, (count(*) over ())::float8 as differences
from hours full join days using (bucket, series_id, status)
left join keepwatch.observability_series using (series_id)
where hours is distinct from days
order by bucket, series_id, status
limit $<limit>;
