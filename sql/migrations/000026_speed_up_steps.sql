-- Faster answers step by step, as panels of dashboards ask for: the rollups of a range are read once, and cut into steps, instead of being looked
-- up for each group and step. Two thirds of a second for a month of hours became a tenth; quantiles only where they are wanted.

create function keepwatch.measured_by_step(from_time timestamptz, to_time timestamptz, type text, name text, service text, group_by text,
  step interval, quantiles double precision[])
returns setof keepwatch.measurement language plpgsql stable parallel safe rows 1000
set jit = off set plan_cache_mode = force_custom_plan set work_mem = '64MB' as $$
#variable_conflict use_column
declare
  origin constant timestamptz := '1970-01-05 00:00:00+00';
  span record := keepwatch.measured_range(from_time, to_time, step);
  -- Hours fit into a step or are cut by it: into shorter ones, minutes alone.
  hour_from constant timestamptz := case when step >= interval '1 hour' then span.hour_from else span.minute_to end;
  hour_to constant timestamptz := case when step >= interval '1 hour' then span.hour_to else span.minute_to end;
  is_label constant boolean := group_by not in ('all', 'series', 'type,name', 'service', 'type', 'name', 'status');
  by_status constant boolean := group_by = 'status';
  statuses constant text[] := array['success', 'failure', 'aborted'];
  has_quantiles constant boolean := cardinality(quantiles) > 0;
  lowest constant double precision := (select min(quantile) from unnest(quantiles) as quantile);
  ids bigint[];
  pending_from timestamptz;
  pending_until timestamptz;
begin
  select array_agg(series_id) into ids
  from keepwatch.observability_series as series
  where (measured_by_step.type is null or series.type = measured_by_step.type) and (measured_by_step.name is null or series.name = measured_by_step.name)
    and (measured_by_step.service is null or series.service = measured_by_step.service);
  select min(pending.since), max(pending.until) into pending_from, pending_until
  from (
    select day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC' from keepwatch.rollup_history
    union all
    select archived_at - interval '8 days', archived_at + interval '2 hours' from keepwatch.rollup_backlog
  ) as pending (since, until);
  return query
  with picked as materialized (
    select series_id, service, type, name, is_label and labels ? measured_by_step.group_by as is_labelled,
      case measured_by_step.group_by when 'series' then array[service, type, name, null] when 'type,name' then array[null, type, name, null]
        when 'service' then array[null, null, null, service] when 'type' then array[null, null, null, type]
        when 'name' then array[null, null, null, name] when 'all' then array[null, null, null, null::text]
        else array[null, null, null, labels ->> measured_by_step.group_by] end as key
    from keepwatch.observability_series
    where series_id = any(ids)
  ), raw as (
    select service, type, name, status, weight::bigint as weight, keepwatch.duration_us(duration_ms) as us,
      case when is_label then metadata ->> measured_by_step.group_by end as label, date_bin(step, end_time, origin) as bucket
    from (
      select * from keepwatch.observability_metrics
      where (end_time >= span.since and end_time < span.minute_from or end_time >= span.minute_to and end_time < span.until)
        and (span.since < span.minute_from or span.minute_to < span.until)
      union all
      select * from keepwatch.observability_metrics
      where end_time >= greatest(span.minute_from, pending_from) and end_time < least(span.minute_to, pending_until) and pending_from is not null
        and ((source_id, keepwatch.lane_of(id), created_at) in (select source_id, lane, archived_at from keepwatch.rollup_backlog)
          or (end_time at time zone 'UTC')::date in (select day from keepwatch.rollup_history)
            and created_at <= (select started_at from keepwatch.rollup_start))
    ) as metrics
    where (measured_by_step.type is null or metrics.type = measured_by_step.type) and (measured_by_step.name is null or metrics.name = measured_by_step.name)
      and (measured_by_step.service is null or metrics.service = measured_by_step.service)
  ), ends as (
    select bucket, case measured_by_step.group_by when 'series' then array[service, type, name, null] when 'type,name' then array[null, type, name, null]
        when 'service' then array[null, null, null, service] when 'type' then array[null, null, null, type]
        when 'name' then array[null, null, null, name] when 'all' then array[null, null, null, null::text]
        else array[null, null, null, case when labelled.is_labelled then label end] end as key,
      status, sum(weight)::bigint as count,
      coalesce(sum(weight * us) filter (where us < 4294967296), 0) + coalesce(sum(weight::numeric * us) filter (where us >= 4294967296), 0) as sum_us,
      min(us) as min_us, max(us) as max_us, keepwatch.bucket_of(us) as b
    from raw
    left join (select distinct service, type, name, is_labelled from picked where is_labelled) as labelled using (service, type, name)
    group by bucket, 2, status, keepwatch.bucket_of(us)
  ), keys as materialized (
    select row_number() over ()::integer as no, key
    from (
      select key from picked where not by_status
      union
      select key from ends where not by_status
      union all
      select array[null, null, null, status] from unnest(statuses) as status where by_status
    ) as found
  ), members as materialized (
    select series_id, no from picked left join keys using (key)
  ), part as materialized (
    select date_bin(step, bucket, origin) as bucket, case when by_status then array_position(statuses, status) else no end as no, status, count,
      sum_us::numeric as sum_us, min_us, max_us, case when has_quantiles then hb end as hb, case when has_quantiles then hc end as hc
    from (
      select series_id, bucket, status, count, sum_us, min_us, max_us, hb, hc::bigint[] as hc from keepwatch.rollup_hours
      where series_id = any(ids) and bucket >= hour_from and bucket < hour_to
      union all
      select series_id, bucket, status, count, sum_us, min_us, max_us, hb, hc::bigint[] from keepwatch.rollup_minutes
      where series_id = any(ids) and bucket >= span.minute_from and bucket < hour_from
      union all
      select series_id, bucket, status, count, sum_us, min_us, max_us, hb, hc::bigint[] from keepwatch.rollup_minutes
      where series_id = any(ids) and bucket >= hour_to and bucket < span.minute_to
      union all
      select series_id, bucket, status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_deltas
      where series_id = any(ids) and bucket >= span.minute_from and bucket < span.minute_to
    ) as rolled_up
    join members using (series_id)
    union all
    select bucket, case when by_status then array_position(statuses, status) else no end, status, count, sum_us, min_us, max_us, array[b], array[count]
    from ends
    left join keys using (key)
  ), total as (
    select no, bucket, sum(count)::bigint as count, coalesce(sum(count) filter (where status = 'failure'), 0)::bigint as failures,
      coalesce(sum(count) filter (where status = 'aborted'), 0)::bigint as aborted, coalesce(sum(sum_us) filter (where status <> 'aborted'), 0) as sum_us,
      min(min_us) filter (where status <> 'aborted') as min_us, max(max_us) filter (where status <> 'aborted') as max_us
    from part
    group by no, bucket
  ), sampled as (
    -- What is certainly lower than the lowest quantile, if a thirty-second of the rollups is like the rest.
    select no, max(b) filter (where hi >= 1.5 * (1 - lowest) * n) as floor
    from (
      select no, b, sum(c) over (partition by no order by b desc rows unbounded preceding) as hi, sum(c) over (partition by no) as n
      from (
        select no, b, sum(c) as c
        from (
          select no, unnest(hb) as b, unnest(hc)::float8 as c from part
          where hashint8(min_us + max_us + count) & 31 = 0 and status <> 'aborted' and lowest > 0.4
        ) as cell
        group by no, b
      ) as merged
    ) as cumulative
    group by no
    having max(n) >= 1000
  ), upper_cell as materialized (
    select no, bucket, b, sum(c) as c
    from (
      select no, bucket, unnest(case when floor is null then hb else hb[width_bucket(floor, hb) + 1:] end) as b,
        unnest(case when floor is null then hc else hc[width_bucket(floor, hb) + 1:] end)::float8 as c
      from part
      left join sampled using (no)
      where status <> 'aborted' and has_quantiles
    ) as cell
    group by no, bucket, b
  ), missed as (
    -- Steps in which more is lower than that.
    select no, bucket
    from total
    left join (select no, bucket, sum(c) as c from upper_cell group by no, bucket) as reached using (no, bucket)
    where has_quantiles and count > aborted and coalesce(reached.c, 0) <= count - aborted - greatest(1, ceil(lowest * (count - aborted)))
  ), ranked as (
    select no, bucket, array_agg(b order by b desc) as bs, array_agg(hi order by b desc) as his
    from (
      select no, bucket, b, sum(c) over (partition by no, bucket order by b desc rows unbounded preceding) as hi
      from (
        select no, bucket, b, c from upper_cell where (no, bucket) not in (select no, bucket from missed)
        union all
        select no, bucket, b, sum(c)
        from (
          select no, bucket, unnest(hb) as b, unnest(hc)::float8 as c from part
          where status <> 'aborted' and has_quantiles and (no, bucket) in (select no, bucket from missed)
        ) as cell
        group by no, bucket, b
      ) as merged
    ) as cumulative
    group by no, bucket
  )
  select total.bucket, keys.key[1], keys.key[2], keys.key[3], keys.key[4], total.count, total.failures, total.aborted, total.sum_us, total.min_us,
    total.max_us, case when has_quantiles then array(
      select greatest(total.min_us, least(total.max_us,
        keepwatch.bucket_value(ranked.bs[1 + width_bucket(total.count - total.aborted - greatest(1, ceil(quantile * (total.count - total.aborted))),
          ranked.his)])))
      from unnest(quantiles) with ordinality as wanted (quantile, position)
      order by position
    ) end
  from total
  join keys using (no)
  left join ranked using (no, bucket)
  where total.count > 0;
end
$$;
comment on function keepwatch.measured_by_step is 'Part of measure: a range in steps, of whole minutes that hours fit into, or that fit into hours.';

-- As before, but for steps.
create or replace function keepwatch.measure(from_time timestamptz, to_time timestamptz, type text default null, name text default null,
  service text default null, group_by text default 'series', step interval default null, quantiles double precision[] default '{}')
returns setof keepwatch.measurement language plpgsql stable parallel safe rows 100
set jit = off set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare
  origin constant timestamptz := '1970-01-05 00:00:00+00';
  span record := keepwatch.measured_range(from_time, to_time, step);
  grouping text := coalesce(group_by, 'all');
  has_head boolean := step is not null or span.minute_from < span.hour_from;
  has_hours boolean := case when step is null then span.hour_from < span.hour_to else step >= interval '1 hour' end;
  has_tail boolean := case when step is null then span.hour_to < span.minute_to else step >= interval '1 hour' end;
  pending_from timestamptz;
  pending_until timestamptz;
  lowest constant double precision := (select min(quantile) from unnest(quantiles) as quantile);
  is_label boolean := grouping not in ('all', 'series', 'type,name', 'service', 'type', 'name', 'status');
begin
  select min(pending.since), max(pending.until) into pending_from, pending_until
  from (
    select day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC' from keepwatch.rollup_history
    union all
    select archived_at - interval '8 days', archived_at + interval '2 hours' from keepwatch.rollup_backlog
  ) as pending (since, until);
  if exists (select from unnest(quantiles) as quantile where quantile is null or quantile < 0 or quantile > 1) then
    raise exception 'quantiles: got %; allowed: 0 to 1', quantiles using errcode = 'invalid_parameter_value';
  end if;
  -- Steps that minutes and hours fit into. Histograms of many hours are too much to be added up at once, unless only their upper ends are.
  if span.minute_from < span.minute_to and to_time - from_time > step
    and (step < interval '1 hour' and 3600 % extract(epoch from step) = 0
      or extract(epoch from step) % 3600 = 0 and (lowest is null or lowest >= 0.9)) then
    return query select * from keepwatch.measured_by_step(from_time, to_time, type, name, service, grouping, step, quantiles);
    return;
  end if;
  return query
  with picked as materialized (
    select series_id, service, type, name, is_label and labels ? grouping as is_labelled,
      case grouping when 'series' then array[service, type, name, null] when 'type,name' then array[null, type, name, null]
        when 'service' then array[null, null, null, service]
        when 'type' then array[null, null, null, type] when 'name' then array[null, null, null, name]
        when 'status' then array[null, null, null, status] when 'all' then array[null, null, null, null::text]
        else array[null, null, null, labels ->> grouping] end as key
    from keepwatch.observability_series as series
    cross join unnest(case when grouping = 'status' then array['success', 'failure', 'aborted'] else array[null] end) as status
    where (measure.type is null or series.type = measure.type) and (measure.name is null or series.name = measure.name)
      and (measure.service is null or series.service = measure.service)
  ), raw as (
    select service, type, name, status, weight::bigint as weight, keepwatch.duration_us(duration_ms) as us,
      case when is_label then metadata ->> grouping end as label, case when step is null then span.since else date_bin(step, end_time, origin) end as bucket
    from (
      select * from keepwatch.observability_metrics
      where (end_time >= span.since and end_time < span.minute_from or end_time >= span.minute_to and end_time < span.until)
        and (span.since < span.minute_from or span.minute_to < span.until)
      union all
      select * from keepwatch.observability_metrics
      where end_time >= greatest(span.minute_from, pending_from) and end_time < least(span.minute_to, pending_until) and pending_from is not null
        and ((source_id, keepwatch.lane_of(id), created_at) in (select source_id, lane, archived_at from keepwatch.rollup_backlog)
          or (end_time at time zone 'UTC')::date in (select day from keepwatch.rollup_history)
            and created_at <= (select started_at from keepwatch.rollup_start))
    ) as metrics
    where (measure.type is null or metrics.type = measure.type) and (measure.name is null or metrics.name = measure.name)
      and (measure.service is null or metrics.service = measure.service)
  ), raw_parts as (
    select service, type, name, status, label, bucket, keepwatch.bucket_of(us) as b, sum(weight)::bigint as count,
      coalesce(sum(weight * us) filter (where us < 4294967296), 0) + coalesce(sum(weight::numeric * us) filter (where us >= 4294967296), 0) as sum_us,
      min(us) as min_us, max(us) as max_us
    from raw
    group by 1, 2, 3, 4, 5, 6, 7
  ), ends as (
    select bucket,
      case grouping when 'series' then array[service, type, name, null] when 'type,name' then array[null, type, name, null]
        when 'service' then array[null, null, null, service]
        when 'type' then array[null, null, null, type] when 'name' then array[null, null, null, name]
        when 'status' then array[null, null, null, status] when 'all' then array[null, null, null, null::text]
        else array[null, null, null, case when labelled.is_labelled then label end] end as key,
      sum(count)::bigint as count, coalesce(sum(count) filter (where status = 'failure'), 0)::bigint as failures,
      coalesce(sum(count) filter (where status = 'aborted'), 0)::bigint as aborted, sum(sum_us) filter (where status <> 'aborted') as sum_us,
      min(min_us) filter (where status <> 'aborted') as min_us, max(max_us) filter (where status <> 'aborted') as max_us,
      array_agg(b) filter (where status <> 'aborted') as hb, array_agg(count) filter (where status <> 'aborted') as hc
    from raw_parts
    left join (select distinct service, type, name, is_labelled from picked where is_labelled) as labelled using (service, type, name)
    group by 1, 2
  ), groups as (
    select key, array_agg(series_id) filter (where series_id is not null) as ids
    from (select key, series_id from picked union all select key, null from ends) as members
    group by key
  )
  select case when step is not null then steps.bucket end, groups.key[1], groups.key[2], groups.key[3], groups.key[4],
    totals.count, totals.failures, totals.aborted, totals.sum_us, totals.min_us, totals.max_us, totals.quantiles_us
  from groups
  cross join lateral (
    select * from keepwatch.measured_steps(span.since, span.until, step) where step is not null
    union all
    select span.since, span.minute_from, span.hour_from, span.hour_to, span.minute_to where step is null
  ) as steps
  left join ends on ends.key = groups.key and ends.bucket = steps.bucket
  cross join lateral (
    with part as materialized (
      select status, count, sum_us, min_us, max_us, case when cardinality(quantiles) > 0 then hb end as hb,
        case when cardinality(quantiles) > 0 then hc end as hc
      from keepwatch.rollup_parts(groups.ids, steps.minute_from, steps.hour_from, steps.hour_to, steps.minute_to, span.minute_from, span.minute_to,
        has_head, has_hours, has_tail) as part
      where grouping <> 'status' or part.status = groups.key[4]
    ), total as materialized (
      select coalesce(sum(part.count), 0)::bigint + coalesce(ends.count, 0) as count,
        coalesce(sum(part.count) filter (where part.status = 'failure'), 0)::bigint + coalesce(ends.failures, 0) as failures,
        coalesce(sum(part.count) filter (where part.status = 'aborted'), 0)::bigint + coalesce(ends.aborted, 0) as aborted,
        coalesce(sum(part.sum_us) filter (where part.status <> 'aborted'), 0) + coalesce(ends.sum_us, 0) as sum_us,
        least(min(part.min_us) filter (where part.status <> 'aborted'), ends.min_us) as min_us,
        greatest(max(part.max_us) filter (where part.status <> 'aborted'), ends.max_us) as max_us,
        count(*) as parts
      from part
    )
    select total.*, case when cardinality(quantiles) > 0 then (
      select array(
        select greatest(total.min_us, least(total.max_us, keepwatch.bucket_value(b)))
        from unnest(ranks.buckets) with ordinality as bucket (b, position)
        order by position
      )
      from (
        -- The highest bucket that is certainly too low, if the sample is like the rest.
        values (1, case when lowest > 0.4 and total.parts >= 128 then (
          select b
          from (
            select b, sum(c) over (order by b desc rows unbounded preceding) as hi, sum(c) over () as n
            from (
              select b, sum(c) as c
              from (select unnest(hb) as b, unnest(hc)::float8 as c from part where hashint8(sum_us) & 31 = 0 and status <> 'aborted') as pair
              group by b
            ) as sampled
          ) as ranked
          where hi >= 1.5 * (1 - lowest) * n
          limit 1
        ) end), (2, null)
      ) as attempt (number, floor)
      cross join lateral (
        with pair as (
          select unnest(hb) as b, unnest(hc)::float8 as c from part where status <> 'aborted' and total.parts < 16
          union all
          select b, sum(c)
          from (
            select unnest(case when attempt.floor is null then hb else hb[width_bucket(attempt.floor, hb) + 1:] end) as b,
              unnest(case when attempt.floor is null then hc else hc[width_bucket(attempt.floor, hb) + 1:] end)::float8 as c
            from part where status <> 'aborted' and total.parts >= 16
          ) as each
          group by b
          union all
          select b, c from (select unnest(ends.hb) as b, unnest(ends.hc)::float8 as c) as own where attempt.floor is null or b > attempt.floor
        ), ranked as materialized (
          select b, sum(c) over (order by b desc rows unbounded preceding) as hi from pair
        )
        select array(
          select (
            select b from ranked
            where hi > total.count - total.aborted - greatest(1, ceil(quantile * (total.count - total.aborted)))
            limit 1
          )
          from unnest(quantiles) with ordinality as wanted (quantile, position)
          order by position
        ) as buckets
      ) as ranks
      where attempt.number = 2 or array_position(ranks.buckets, null) is null
      limit 1
    ) end as quantiles_us
    from total
  ) as totals
  where totals.count > 0 and (span.minute_from < span.minute_to or ends.count is not null);
end
$$;

-- As before; quantiles that nobody looks at need not be ranked.
drop function keepwatch.timeseries;
create function keepwatch.timeseries(type text default null, within interval default '1 hour', step interval default null,
  group_by text default 'all', name text default null, service text default null,
  from_time timestamptz default null, to_time timestamptz default null,
  quantiles double precision[] default '{0.5,0.95,0.99}')
returns setof keepwatch.timeseries_row language sql stable parallel safe as $$
  select bucket, case when $4 in ('series', 'type,name') then concat_ws(' ', measured.service, measured.type, measured.name) else value end as value,
    count, failures, aborted, failures::float8 / nullif(count - aborted, 0),
    count / extract(epoch from least(bucket + chosen.step, span.until) - greatest(bucket, span.since))::float8,
    (total_us / nullif(count - aborted, 0) / 1000)::float8, min_us / 1000.0::float8, max_us / 1000.0::float8,
    quantiles_us[array_position($9, 0.5)] / 1000,
    quantiles_us[array_position($9, 0.95)] / 1000, quantiles_us[array_position($9, 0.99)] / 1000
  from (select coalesce($7, coalesce($8, now()) - $2) as since, coalesce($8, now()) as until) as span
  cross join lateral (
    select coalesce($3, case
      when span.until - span.since <= interval '2 hours' then interval '1 minute'
      when span.until - span.since <= interval '10 hours' then interval '5 minutes'
      when span.until - span.since <= interval '36 hours' then interval '15 minutes'
      when span.until - span.since <= interval '8 days' then interval '1 hour'
      when span.until - span.since <= interval '32 days' then interval '6 hours'
      else interval '1 day' end) as step
  ) as chosen
  cross join lateral keepwatch.measure(span.since, span.until, $1, $5, $6, $4, chosen.step, coalesce($9, '{}')) as measured
  order by bucket, value
$$;
comment on function keepwatch.timeseries is 'Rate, errors and durations step by step, in order, of all or of each value of group_by: all, series, "type,name", service, type, name, status or a label. A step in which nothing ended has no row. Steps begin at whole steps since Monday, 1970-01-05 00:00 UTC. quantiles: those of p50_ms, p95_ms and p99_ms that are wanted; without them a long range takes less than half the time.';
