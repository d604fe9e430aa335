-- Faster answers over weeks and months: rollups of days that are over, made of their hours by upkeep, so that a long range reads a twentieth of
-- the histograms; and all questions but those in odd steps read the rollups of their range once.

create table keepwatch.rollup_days (
  like keepwatch.rollup_hours including comments,
  primary key (bucket, series_id, status)
);
comment on table keepwatch.rollup_days is 'Rollups per UTC day, made of rollup_hours: right for the days that closed_days says, of others old or missing. Read by measure.';
comment on column keepwatch.rollup_days.bucket is 'The begin of the UTC day in which the executions ended.';

create table keepwatch.closed_days (
  day date primary key,
  closed_at timestamptz not null,
  is_changed boolean not null default false
);
comment on table keepwatch.closed_days is 'Days of which rollup_days has been made.';
comment on column keepwatch.closed_days.day is 'The UTC day.';
comment on column keepwatch.closed_days.closed_at is 'When rollup_days was last made of its hours, by the clock of Postgres.';
comment on column keepwatch.closed_days.is_changed is 'Whether its hours have changed since: then they are read, and rollup_days is not, until it is made anew.';

-- Inlined where it is called. A minute that is not folded yet is counted as it will be: 2^31 - 1 in a bucket at most.
create function keepwatch.rollup_rows(ids bigint[], days timestamptz[], minute_from timestamptz, hour_from timestamptz, day_from timestamptz,
  open_hours timestamptz[], day_to timestamptz, hour_to timestamptz, minute_to timestamptz)
returns table (bucket timestamptz, series_id bigint, status text, count bigint, sum_us bigint, min_us bigint, max_us bigint, hb smallint[], hc integer[])
language sql stable parallel safe as $$
  select bucket, series_id, status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_days
  where bucket = any($2) and series_id = any($1)
  union all
  select bucket, series_id, status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_hours
  where bucket >= $4 and bucket < $5 and series_id = any($1)
  union all
  select bucket, series_id, status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_hours
  where bucket >= $5 and bucket < $7 and bucket = any($6) and series_id = any($1)
  union all
  select bucket, series_id, status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_hours
  where bucket >= $7 and bucket < $8 and series_id = any($1)
  union all
  select bucket, series_id, status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_minutes
  where bucket >= $3 and bucket < $4 and series_id = any($1)
  union all
  select bucket, series_id, status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_minutes
  where bucket >= $8 and bucket < $9 and series_id = any($1)
  union all
  select bucket, series_id, status, count, sum_us, min_us, max_us, hb, case when count < 2147483648 then hc::integer[]
    else array(select least(c, 2147483647)::integer from unnest(hc) with ordinality as cell (c, position) order by position) end
  from keepwatch.rollup_deltas
  where bucket >= $3 and bucket < $9 and series_id = any($1)
$$;
comment on function keepwatch.rollup_rows is 'Part of measure: the rollup rows of some series in a range: closed days, the hours around them and open_hours between them, minutes at both ends, and deltas.';

create function keepwatch.measured_at_once(from_time timestamptz, to_time timestamptz, type text, name text, service text, group_by text,
  step interval, quantiles double precision[])
returns setof keepwatch.measurement language plpgsql stable parallel safe rows 1000
set jit = off set plan_cache_mode = force_custom_plan set work_mem = '64MB' set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  origin constant timestamptz := '1970-01-05 00:00:00+00';
  span record := keepwatch.measured_range(from_time, to_time, step);
  -- Hours fit into a step or are cut by it: into shorter ones, minutes alone. So do days.
  hour_from constant timestamptz := case when step < interval '1 hour' then span.minute_to else span.hour_from end;
  hour_to constant timestamptz := case when step < interval '1 hour' then span.minute_to else span.hour_to end;
  days constant timestamptz[] := array(
    -- Those whose hours are there: a month that is detached is not answered from.
    select day::timestamp at time zone 'UTC' from keepwatch.closed_days
    where to_char(day, 'YYYYMM') in (
        select right(pg_class.relname, 6) from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'keepwatch.rollup_hours'::regclass and not inhdetachpending
      ) and not is_changed and (step is null or extract(epoch from step) % 86400 = 0)
      and day >= hour_from at time zone 'UTC' and day + 1 <= hour_to at time zone 'UTC'
    order by day
  );
  day_from constant timestamptz := coalesce(days[1], hour_to);
  day_to constant timestamptz := coalesce(days[cardinality(days)] + interval '24 hours', hour_to);
  open_hours constant timestamptz[] := array(
    select generate_series(day, day + interval '23 hours', interval '1 hour')
    from generate_series(day_from, day_to - interval '1 hour', interval '24 hours') as day
    where day <> all (days)
  );
  is_label constant boolean := group_by not in ('all', 'series', 'type,name', 'service', 'type', 'name', 'status');
  by_status constant boolean := group_by = 'status';
  statuses constant text[] := array['success', 'failure', 'aborted'];
  has_quantiles constant boolean := cardinality(quantiles) > 0;
  lowest constant double precision := (select min(quantile) from unnest(quantiles) as quantile);
  ids bigint[];
  pending_from timestamptz;
  pending_until timestamptz;
begin
  ids := array(
    select series_id from keepwatch.observability_series as series
    where (measured_at_once.type is null or series.type = measured_at_once.type) and (measured_at_once.name is null or series.name = measured_at_once.name)
      and (measured_at_once.service is null or series.service = measured_at_once.service)
  );
  select min(pending.since), max(pending.until) into pending_from, pending_until
  from (
    select day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC' from keepwatch.rollup_history
    union all
    select archived_at - interval '8 days', archived_at + interval '2 hours' from keepwatch.rollup_backlog
  ) as pending (since, until);
  return query
  with picked as materialized (
    select series_id, service, type, name, is_label and labels ? measured_at_once.group_by as is_labelled,
      case measured_at_once.group_by when 'series' then array[service, type, name, null] when 'type,name' then array[null, type, name, null]
        when 'service' then array[null, null, null, service] when 'type' then array[null, null, null, type]
        when 'name' then array[null, null, null, name] when 'all' then array[null, null, null, null::text]
        else array[null, null, null, labels ->> measured_at_once.group_by] end as key
    from keepwatch.observability_series
    where series_id = any(ids)
  ), raw as (
    select service, type, name, status, weight::bigint as weight, keepwatch.duration_us(duration_ms) as us,
      case when is_label then metadata ->> measured_at_once.group_by end as label,
      case when step is null then span.since else date_bin(step, end_time, origin) end as bucket
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
    where (measured_at_once.type is null or metrics.type = measured_at_once.type) and (measured_at_once.name is null or metrics.name = measured_at_once.name)
      and (measured_at_once.service is null or metrics.service = measured_at_once.service)
  ), ends as materialized (
    select bucket, case measured_at_once.group_by when 'series' then array[service, type, name, null] when 'type,name' then array[null, type, name, null]
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
    select case when by_status then array_position(statuses, status) else no end as no,
      case when step is null then span.since else date_bin(step, bucket, origin) end as bucket, status, count, sum_us, min_us, max_us, hb, hc
    from keepwatch.rollup_rows(ids, days, span.minute_from, hour_from, day_from, open_hours, day_to, hour_to, span.minute_to) as rolled_up
    join members using (series_id)
    where has_quantiles
  ), end_cell as (
    select case when by_status then array_position(statuses, status) else no end as no, bucket, status, count, sum_us, min_us, max_us, b
    from ends
    left join keys using (key)
  ), total as materialized (
    select no, bucket, sum(count)::bigint as count, coalesce(sum(failures), 0)::bigint as failures, coalesce(sum(aborted), 0)::bigint as aborted,
      coalesce(sum(sum_us), 0) as sum_us, min(min_us) as min_us, max(max_us) as max_us, sum(parts)::float8 as parts
    from (
      select no, bucket, sum(count) as count, sum(count) filter (where status = 'failure') as failures,
        sum(count) filter (where status = 'aborted') as aborted, sum(sum_us) filter (where status <> 'aborted') as sum_us,
        min(min_us) filter (where status <> 'aborted') as min_us, max(max_us) filter (where status <> 'aborted') as max_us, count(*) as parts
      from part
      group by 1, 2
      union all
      select case when by_status then array_position(statuses, status) else no end,
        case when step is null then span.since else date_bin(step, bucket, origin) end, sum(count) as count, sum(count) filter (where status = 'failure') as failures,
        sum(count) filter (where status = 'aborted') as aborted, sum(sum_us) filter (where status <> 'aborted') as sum_us,
        min(min_us) filter (where status <> 'aborted') as min_us, max(max_us) filter (where status <> 'aborted') as max_us, 0
      from keepwatch.rollup_rows(ids, days, span.minute_from, hour_from, day_from, open_hours, day_to, hour_to, span.minute_to) as rolled_up
      join members using (series_id)
      where not has_quantiles
      group by 1, 2
      union all
      select no, bucket, sum(count) as count, sum(count) filter (where status = 'failure') as failures,
        sum(count) filter (where status = 'aborted') as aborted, sum(sum_us) filter (where status <> 'aborted') as sum_us,
        min(min_us) filter (where status <> 'aborted') as min_us, max(max_us) filter (where status <> 'aborted') as max_us, 0
      from end_cell
      group by 1, 2
    ) as counted
    group by no, bucket
  ), share as (
    -- A thirty-second of the rollups of a group, or as much more as it takes to know where its upper end begins.
    select no, power(2, greatest(0, least(5, floor(ln(least(parts / 8, n * (1 - lowest) / 30)) / ln(2)))))::integer - 1 as mask
    from (select no, sum(count - aborted)::float8 as n, sum(parts) as parts from total group by no) as whole
    where lowest > 0.4 and lowest < 1 and parts > 0 and n > 0
  ), sampled as (
    -- What is certainly lower than the lowest quantile, if the sample is like the rest.
    select no, max(b) filter (where hi >= greatest((1 - lowest) * n + 4 * sqrt(lowest * (1 - lowest) * n),
      case when step is null then least(1.5 * (1 - lowest), 1.1 - lowest) else 1.5 * (1 - lowest) end * n)) as floor
    from (
      select no, b, sum(c) over (partition by no order by b desc rows unbounded preceding) as hi, sum(c) over (partition by no) as n
      from (
        select no, b, sum(c) as c
        from (
          select no, unnest(hb) as b, unnest(hc)::float8 as c
          from part join share using (no)
          where mask > 0 and hashint8(sum_us) & mask = 0 and status <> 'aborted'
        ) as cell
        group by no, b
      ) as merged
    ) as cumulative
    group by no
  ), upper_cell as materialized (
    select no, bucket, b, sum(c) as c
    from (
      select no, bucket, unnest(case when floor is null then hb else hb[width_bucket(floor, hb) + 1:] end) as b,
        unnest(case when floor is null then hc else hc[width_bucket(floor, hb) + 1:] end)::float8 as c
      from part
      left join sampled using (no)
      where status <> 'aborted'
      union all
      select no, bucket, b, count from end_cell left join sampled using (no) where has_quantiles and status <> 'aborted' and (floor is null or b > floor)
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
          select no, bucket, unnest(hb) as b, unnest(hc)::float8 as c from part where (no, bucket) in (select no, bucket from missed) and status <> 'aborted'
          union all
          select no, bucket, b, count from end_cell where (no, bucket) in (select no, bucket from missed) and status <> 'aborted'
        ) as cell
        group by no, bucket, b
      ) as merged
    ) as cumulative
    group by no, bucket
  )
  select case when step is not null then total.bucket end, keys.key[1], keys.key[2], keys.key[3], keys.key[4], total.count, total.failures,
    total.aborted, total.sum_us, total.min_us, total.max_us, case when has_quantiles then array(
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
comment on function keepwatch.measured_at_once is 'Part of measure: a range as a whole, or in steps of whole minutes that hours fit into, or that fit into hours.';

-- As before, but for all that is answered at once.
create or replace function keepwatch.measure(from_time timestamptz, to_time timestamptz, type text default null, name text default null,
  service text default null, group_by text default 'series', step interval default null, quantiles double precision[] default '{}')
returns setof keepwatch.measurement language plpgsql stable parallel safe rows 100
set jit = off set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare
  origin constant timestamptz := '1970-01-05 00:00:00+00';
  span record := keepwatch.measured_range(from_time, to_time, step);
  grouping text := coalesce(group_by, 'all');
  has_hours boolean := step >= interval '1 hour';
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
  -- No steps, or such as minutes and hours fit into. Histograms of many hours are too much to be added up at once, unless only their upper ends are.
  if step is null or span.minute_from < span.minute_to
    and (step < interval '1 hour' and 3600 % extract(epoch from step) = 0 or extract(epoch from step) % 86400 = 0
      or extract(epoch from step) % 3600 = 0 and (lowest is null or lowest >= 0.9)) then
    return query select * from keepwatch.measured_at_once(from_time, to_time, type, name, service, grouping, step, quantiles);
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
      case when is_label then metadata ->> grouping end as label, date_bin(step, end_time, origin) as bucket
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
  select steps.bucket, groups.key[1], groups.key[2], groups.key[3], groups.key[4],
    totals.count, totals.failures, totals.aborted, totals.sum_us, totals.min_us, totals.max_us, totals.quantiles_us
  from groups
  cross join keepwatch.measured_steps(span.since, span.until, step) as steps
  left join ends on ends.key = groups.key and ends.bucket = steps.bucket
  cross join lateral (
    with part as materialized (
      select status, count, sum_us, min_us, max_us, case when cardinality(quantiles) > 0 then hb end as hb,
        case when cardinality(quantiles) > 0 then hc end as hc
      from keepwatch.rollup_parts(groups.ids, steps.minute_from, steps.hour_from, steps.hour_to, steps.minute_to, span.minute_from, span.minute_to,
        true, has_hours, has_hours) as part
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
drop function keepwatch.measured_by_step;

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant all on keepwatch.rollup_days, keepwatch.closed_days to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_writer') then
    grant select on keepwatch.rollup_days, keepwatch.closed_days to keepwatch_writer;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.rollup_days, keepwatch.closed_days to keepwatch_reader;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_rules') then
    grant select on keepwatch.rollup_days, keepwatch.closed_days to keepwatch_rules;
  end if;
end
$$;
