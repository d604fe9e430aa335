-- Takes what rows of some pages of a table say of a person out of them. Each stays an event with its times, status and ids; of its metadata
-- stay only the labels of its metric, which its rollups have too, where they can be told. Parameters: name (of the table), fromPage and
-- untilPage (tid), from and until (of end_time; null: no bound), path and vars (jsonpath that is true of the metadata). One row: rows.
with erased as (
  update keepwatch.$<name:name> as event
  set error = case when error is not null then 'erased' end,
    metadata = coalesce((
      select series.labels
      from keepwatch.observability_series as series
      where series.service = event.service and series.type = event.type and series.name = event.name
        and series.labels <> '{}' and event.metadata @> series.labels
      order by (select count(*) from jsonb_object_keys(series.labels)) desc, series.series_id
      limit 1
    ), '{}') || '{"keepwatch.erased": true}'
  where ctid >= $<fromPage>::tid and ctid < $<untilPage>::tid and not metadata ? 'keepwatch.erased'
    and ($<from>::timestamptz is null or end_time >= $<from>::timestamptz) and ($<until>::timestamptz is null or end_time < $<until>::timestamptz)
    and jsonb_path_exists(metadata, $<path>::jsonpath, $<vars>::jsonb, true)
  returning end_time
), reopened as (
  -- Those that are being closed wait here, or there: none is closed with what is erased.
  insert into keepwatch.usage_closings (hour, reopened_at)
  select hour, clock_timestamp()
  from (select distinct date_trunc('hour', end_time, 'UTC') as hour from erased where isfinite(end_time)) as touched
  order by 1
  on conflict (hour) do update set reopened_at = excluded.reopened_at
)
select count(*)::float8 as rows from erased;
