-- Compares a day of raw rows with its rollups per minute, added up over labels, which raw rows do not tell apart from other metadata. Rows
-- that are still to be added to the rollups are left out: those of before there were rollups while their day waits, those of older versions.
-- A bucket counts 2^31 - 1 at most. Of a day whose rows were removed before (they came again, or others came), rollups may know more, and never less.
-- Parameters: fromDay, untilDay, wasRemoved, limit. Rows: bucket, service, type, name, status, raw and rolled (JSON; null: nothing), differences (in all).
with start as (
  select started_at, exists (
    select from keepwatch.rollup_history where day = ($<fromDay>::timestamptz at time zone 'UTC')::date
  ) as is_waiting
  from keepwatch.rollup_start
), event as (
  select date_trunc('minute', metrics.end_time, 'UTC') as bucket, metrics.service, metrics.type, metrics.name, metrics.status,
    keepwatch.duration_us(metrics.duration_ms) as us, metrics.weight
  from keepwatch.observability_metrics as metrics
  cross join start
  where metrics.end_time >= $<fromDay> and metrics.end_time < $<untilDay>
    and not (start.is_waiting and metrics.created_at <= start.started_at and not exists (
      select from keepwatch.rollup_exempt as exempt
      where exempt.source_id = metrics.source_id and exempt.archived_at = metrics.created_at and exempt.lane = keepwatch.lane_of(metrics.id)
    ))
    and not exists (
      select from keepwatch.rollup_backlog as late
      where late.source_id = metrics.source_id and late.archived_at = metrics.created_at and late.lane = keepwatch.lane_of(metrics.id)
    )
), raw_cells as (
  select bucket, service, type, name, status, keepwatch.bucket_of(us) as b, count(*) as rows, sum(weight) as c,
    sum(us::numeric * weight) as sum_us, min(us) as min_us, max(us) as max_us
  from event group by 1, 2, 3, 4, 5, 6
), raw as (
  select bucket, service, type, name, status, jsonb_build_object('rows', sum(rows), 'count', sum(c),
    'sum_us', least(sum(sum_us), 9223372036854775807), 'min_us', min(min_us), 'max_us', max(max_us),
    'hb', array_agg(b order by b), 'hc', array_agg(least(c, 2147483647) order by b)) as raw
  from raw_cells group by 1, 2, 3, 4, 5
), part as materialized (
  select bucket, service, type, name, status, rows, count, sum_us, min_us, max_us, hb, hc
  from (
    select bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc::bigint[] from keepwatch.rollup_minutes
    union all
    select * from keepwatch.rollup_deltas
  ) as rollup
  left join keepwatch.observability_series as series using (series_id)
  where bucket >= $<fromDay> and bucket < $<untilDay>
), rolled_cells as (
  select bucket, service, type, name, status, b, sum(c) as c, sum(rows) as rows, sum(count) as count, sum(sum_us) as sum_us,
    min(min_us) as min_us, max(max_us) as max_us
  from (
    select bucket, service, type, name, status, null as b, null as c, rows, count, sum_us, min_us, max_us from part
    union all
    select bucket, service, type, name, status, b, c, null, null, null, null, null from part, unnest(hb, hc) as cell (b, c)
  ) as piece group by 1, 2, 3, 4, 5, 6
), rolled as (
  select bucket, service, type, name, status, jsonb_build_object('rows', sum(rows), 'count', sum(count),
    'sum_us', least(sum(sum_us), 9223372036854775807), 'min_us', min(min_us), 'max_us', max(max_us),
    'hb', array_agg(b order by b) filter (where b is not null), 'hc', array_agg(least(c, 2147483647) order by b) filter (where b is not null)) as rolled
  from rolled_cells group by 1, 2, 3, 4, 5
)
select bucket, service, type, name, status, raw, rolled, (count(*) over ())::float8 as differences
from raw full join rolled using (bucket, service, type, name, status)
where raw is distinct from rolled and (not $<wasRemoved> or raw is not null and (rolled is null
  or (rolled ->> 'rows')::numeric < (raw ->> 'rows')::numeric or (rolled ->> 'count')::numeric < (raw ->> 'count')::numeric
  or (rolled ->> 'sum_us')::numeric < (raw ->> 'sum_us')::numeric))
order by bucket, service, type, name, status
limit $<limit>;
