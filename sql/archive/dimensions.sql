-- What can be asked for in [from, to), whole minutes: services, types, names, and the labels of the metrics with their values, with the
-- executions of each. Series by series, so that only the rollups of the range are read, by their primary key.
-- Parameters: from, to (milliseconds since the epoch, whole minutes), values (how many of each at most), labels (how many at most).
-- Rows: dimension (service, type, name, label), label (null but for labels), value, count, value_count (of the dimension or label, those
-- that are left out included), label_count (of all labels); the busiest first.
with span as materialized (
  select * from keepwatch.measured_range(to_timestamp($<from>::float8 / 1000), to_timestamp($<to>::float8 / 1000), null)
), counted as materialized (
  select series.service, series.type, series.name, series.labels, total.count
  from span
  cross join keepwatch.observability_series as series
  cross join lateral (
    select sum(part.count)::float8 as count
    from (
      select count from keepwatch.rollup_hours
      where series_id = series.series_id and bucket >= span.hour_from and bucket < span.hour_to
      union all
      select count from keepwatch.rollup_minutes
      where series_id = series.series_id and bucket >= span.minute_from and bucket < span.hour_from
      union all
      select count from keepwatch.rollup_minutes
      where series_id = series.series_id and bucket >= span.hour_to and bucket < span.minute_to
      union all
      select count from keepwatch.rollup_deltas
      where series_id = series.series_id and bucket >= span.minute_from and bucket < span.minute_to
    ) as part
  ) as total
  where total.count > 0
), members as (
  select 'service' as dimension, null as label, service as value, count from counted
  union all
  select 'type', null, type, count from counted
  union all
  select 'name', null, name, count from counted
  union all
  select 'label', member.key, member.value, count from counted cross join lateral jsonb_each_text(labels) as member
), added as (
  select dimension, label, value, sum(count) as count, row_number() over (partition by dimension, label order by sum(count) desc, value) as place,
    count(*) over (partition by dimension, label) as value_count
  from members
  group by dimension, label, value
), ranked as (
  select added.*, dense_rank() over (partition by dimension order by label) as label_place
  from added
)
select dimension, label, value, count, value_count::float8 as value_count, label_count::float8 as label_count
from ranked
cross join (select max(label_place) as label_count from ranked where dimension = 'label') as labels
where place <= $<values> and label_place <= $<labels>
order by dimension, label, count desc, value;
