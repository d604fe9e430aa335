-- Questions that people ask, as functions: latency, error_rate, throughput, timeseries, top, compare, per_label, slowest,
-- error_fingerprints, trace. Those that measure answer any range exactly: whole hours from rollup_hours, whole minutes from rollup_minutes,
-- what is not folded yet from rollup_deltas, and the ragged ends from raw rows, whose durations are put into the same buckets.

create function keepwatch.bucket_value(bucket smallint) returns double precision
language sql immutable parallel safe as $$
  select case when bucket = -32768 then 0::float8
    else 2 * power(2::float8, (bucket + 1) / 32.0::float8) / (1 + power(2::float8, 1 / 32.0::float8)) end
$$;
comment on function keepwatch.bucket_value is 'The microseconds that a bucket of the histogram stands for: at most 1.083 % from any duration in it.';

create function keepwatch.histogram_quantile(quantile double precision, hb smallint[], hc bigint[]) returns double precision
language sql immutable parallel safe as $$
  select keepwatch.bucket_value(min(b) filter (where hi >= quantile * n))
  from (
    select b, sum(c) over (order by b) as hi, sum(c) over () as n
    from (select unnest(hb) as b, unnest(hc)::float8 as c) as pairs
  ) as ranked
$$;
comment on function keepwatch.histogram_quantile is 'A quantile of one histogram, in microseconds, by the rank of percentile_disc: the first bucket whose cumulative count reaches quantile * n.';

-- How a range is put together: hours from hour_from to hour_to, minutes around them from minute_from to minute_to, and raw rows from
-- since to minute_from and from minute_to to until. Where raw rows are gone, since and until move back to the minute they are in, so
-- that ranges which meet still count each event once.
create function keepwatch.measured_range(from_time timestamptz, to_time timestamptz, step interval,
  out since timestamptz, out until timestamptz, out minute_from timestamptz, out minute_to timestamptz,
  out hour_from timestamptz, out hour_to timestamptz)
language plpgsql stable parallel safe as $$
declare
  raw_since timestamptz;
begin
  if from_time is null or to_time is null or not isfinite(from_time) or not isfinite(to_time) or from_time >= to_time then
    raise exception 'from_time: got %; allowed: a moment before to_time, which is %', coalesce(from_time::text, 'null'),
      coalesce(to_time::text, 'null') using errcode = 'invalid_parameter_value';
  end if;
  if step < interval '1 microsecond' or (to_time - from_time) / 50000 > step then
    raise exception 'step: got %; allowed: at most 50000 steps from % to %', step, from_time, to_time using errcode = 'invalid_parameter_value';
  end if;
  select coalesce(max(retired.until), '-infinity') into raw_since
  from keepwatch.retired_partitions as retired where retired.name like 'observability\_metrics\_p%';
  since := case when from_time < raw_since then date_bin('1 minute', from_time, 'epoch') else from_time end;
  until := case when to_time < raw_since then date_bin('1 minute', to_time, 'epoch') else to_time end;
  minute_from := date_bin('1 minute', since + interval '59.999999 seconds', 'epoch');
  minute_to := date_bin('1 minute', until, 'epoch');
  if extract(epoch from step) % 60 <> 0 then
    if since < raw_since then
      raise exception 'step: got %; allowed: whole minutes, since raw rows are kept from % on only', step, raw_since
        using errcode = 'invalid_parameter_value';
    end if;
    minute_from := until;
    minute_to := until;
  elsif minute_from > minute_to then
    minute_from := until;
    minute_to := until;
  end if;
  hour_from := date_bin('1 hour', minute_from + interval '59 minutes', 'epoch');
  hour_to := date_bin('1 hour', minute_to, 'epoch');
  if hour_from >= hour_to then
    hour_from := minute_to;
    hour_to := minute_to;
  end if;
end
$$;
comment on function keepwatch.measured_range is 'Part of measure: which part of a range is read from which rollup, and which from raw rows.';

create function keepwatch.measured_steps(since timestamptz, until timestamptz, step interval)
returns table (bucket timestamptz, minute_from timestamptz, hour_from timestamptz, hour_to timestamptz, minute_to timestamptz)
language sql stable parallel safe as $$
  select bucket, minute_from, case when hour_from < hour_to then hour_from else minute_to end,
    case when hour_from < hour_to then hour_to else minute_to end, minute_to
  from (
    select bucket, minute_from, minute_to, date_bin('1 hour', minute_from + interval '59 minutes', 'epoch') as hour_from,
      date_bin('1 hour', minute_to, 'epoch') as hour_to
    from (
      select bucket, date_bin('1 minute', greatest(bucket, $1) + interval '59.999999 seconds', 'epoch') as minute_from,
        date_bin('1 minute', least(bucket + $3, $2), 'epoch') as minute_to
      from generate_series(date_bin($3, $1, '1970-01-05 00:00:00+00'), $2 - interval '1 microsecond', $3) as bucket
    ) as minutes
  ) as hours
$$;
comment on function keepwatch.measured_steps is 'Part of measure: the steps of a range, and which part of each is read from which rollup.';

create function keepwatch.rollup_parts(ids bigint[], minute_from timestamptz, hour_from timestamptz, hour_to timestamptz, minute_to timestamptz,
  since timestamptz, until timestamptz, has_head boolean, has_hours boolean, has_tail boolean)
returns table (status text, count bigint, sum_us bigint, min_us bigint, max_us bigint, hb smallint[], hc bigint[])
language sql stable parallel safe as $$
  select status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_minutes
  where series_id = any($1) and bucket >= $2 and bucket < $3 and bucket >= $6 and bucket < $7 and $8
  union all
  select status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_hours
  where series_id = any($1) and bucket >= $3 and bucket < $4 and bucket >= $6 and bucket < $7 and $9
  union all
  select status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_minutes
  where series_id = any($1) and bucket >= $4 and bucket < $5 and bucket >= $6 and bucket < $7 and $10
  union all
  select status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_deltas
  where series_id = any($1) and bucket >= $2 and bucket < $5 and bucket >= $6 and bucket < $7
$$;
comment on function keepwatch.rollup_parts is 'Part of measure: the rollup rows of some series in one step. since and until are those of the whole range, has_… what any step has: so the planner leaves out months, and parts that are empty.';

create type keepwatch.measurement as (bucket timestamptz, service text, type text, name text, value text, count bigint, failures bigint,
  aborted bigint, total_us numeric, min_us bigint, max_us bigint, quantiles_us double precision[]);

-- What the functions below are made of. Rows whose rollups maintenance has yet to make (rollup_history, rollup_backlog) are read as well, so
-- that an answer is right from the first moment on; they are looked for as far back as a batch may reach. Groups are found by their series, and their rows by the primary key of the rollups, group by
-- group and step by step: twice as fast as one window over all of them. A planner that knows the range leaves out all other partitions.
create function keepwatch.measure(from_time timestamptz, to_time timestamptz, type text default null, name text default null,
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
    totals.count, totals.failures, totals.aborted, totals.sum_us, totals.min_us, totals.max_us, ranks.quantiles_us
  from groups
  cross join lateral (
    select * from keepwatch.measured_steps(span.since, span.until, step) where step is not null
    union all
    select span.since, span.minute_from, span.hour_from, span.hour_to, span.minute_to where step is null
  ) as steps
  left join ends on ends.key = groups.key and ends.bucket = steps.bucket
  cross join lateral (
    select coalesce(sum(part.count), 0)::bigint + coalesce(ends.count, 0) as count,
      coalesce(sum(part.count) filter (where part.status = 'failure'), 0)::bigint + coalesce(ends.failures, 0) as failures,
      coalesce(sum(part.count) filter (where part.status = 'aborted'), 0)::bigint + coalesce(ends.aborted, 0) as aborted,
      coalesce(sum(part.sum_us) filter (where part.status <> 'aborted'), 0) + coalesce(ends.sum_us, 0) as sum_us,
      least(min(part.min_us) filter (where part.status <> 'aborted'), ends.min_us) as min_us,
      greatest(max(part.max_us) filter (where part.status <> 'aborted'), ends.max_us) as max_us
    from keepwatch.rollup_parts(groups.ids, steps.minute_from, steps.hour_from, steps.hour_to, steps.minute_to, span.minute_from, span.minute_to,
      has_head, has_hours, has_tail) as part
    where grouping <> 'status' or part.status = groups.key[4]
  ) as totals
  left join lateral (
    select array(
      select greatest(totals.min_us, least(totals.max_us,
        keepwatch.bucket_value(ranked.bs[width_bucket(ceil(quantile * (totals.count - totals.aborted)) - 1, ranked.his) + 1])))
      from unnest(quantiles) with ordinality as wanted (quantile, position)
      order by position
    ) as quantiles_us
    from (
      select array_agg(b) as bs, array_agg(hi) as his
      from (
        select b, sum(c) over (order by b) as hi
        from (
          select b, sum(c) as c
          from (
            select unnest(part.hb) as b, unnest(part.hc)::float8 as c
            from keepwatch.rollup_parts(groups.ids, steps.minute_from, steps.hour_from, steps.hour_to, steps.minute_to, span.minute_from, span.minute_to,
              has_head, has_hours, has_tail) as part
            where part.status <> 'aborted' and (grouping <> 'status' or part.status = groups.key[4])
            union all
            select unnest(ends.hb), unnest(ends.hc)::float8
          ) as pairs
          group by b
        ) as merged
        order by b
      ) as cumulative
    ) as ranked
  ) as ranks on cardinality(quantiles) > 0
  where totals.count > 0 and (span.minute_from < span.minute_to or ends.count is not null);
end
$$;
comment on function keepwatch.measure is 'Counts, sums in microseconds and quantiles of exactly the executions that ended from from_time on and before to_time, by group and step: what the other functions are made of. group_by: series (service, type and name), "type,name", all, service, type, name, status or a label; step: null for the whole range.';

create type keepwatch.latency_row as (service text, type text, name text, count bigint, failures bigint, aborted bigint,
  avg_ms double precision, min_ms double precision, max_ms double precision,
  p50_ms double precision, p90_ms double precision, p95_ms double precision, p99_ms double precision);
create function keepwatch.latency(type text default null, within interval default '1 hour', name text default null, service text default null,
  from_time timestamptz default null, to_time timestamptz default null)
returns setof keepwatch.latency_row language sql stable parallel safe as $$
  select service, type, name, count, failures, aborted, (total_us / nullif(count - aborted, 0) / 1000)::float8,
    min_us / 1000.0::float8, max_us / 1000.0::float8, quantiles_us[1] / 1000, quantiles_us[2] / 1000, quantiles_us[3] / 1000, quantiles_us[4] / 1000
  from keepwatch.measure(coalesce($5, coalesce($6, now()) - $2), coalesce($6, now()), $1, $3, $4, quantiles => '{0.5,0.9,0.95,0.99}')
  order by count desc, service, type, name
$$;
comment on function keepwatch.latency is 'How long executions took, for each service, type and name that ended within the interval before to_time (now), or from from_time on; the busiest first. Aborted ones are counted, and left out of the rest.';

create type keepwatch.error_rate_row as (service text, type text, name text, count bigint, failures bigint, aborted bigint, error_rate double precision);
create function keepwatch.error_rate(type text default null, within interval default '1 hour', name text default null, service text default null,
  from_time timestamptz default null, to_time timestamptz default null)
returns setof keepwatch.error_rate_row language sql stable parallel safe as $$
  select service, type, name, count, failures, aborted, failures::float8 / nullif(count - aborted, 0)
  from keepwatch.measure(coalesce($5, coalesce($6, now()) - $2), coalesce($6, now()), $1, $3, $4)
  order by 7 desc nulls last, failures desc, count desc, service, type, name
$$;
comment on function keepwatch.error_rate is 'The share of executions that failed, of those that were not aborted, for each service, type and name; the worst first.';

create type keepwatch.throughput_row as (service text, type text, name text, count bigint, per_second double precision, per_minute double precision);
create function keepwatch.throughput(type text default null, within interval default '1 hour', name text default null, service text default null,
  from_time timestamptz default null, to_time timestamptz default null)
returns setof keepwatch.throughput_row language sql stable parallel safe as $$
  select service, type, name, count, count / seconds, 60 * count / seconds
  from keepwatch.measure(coalesce($5, coalesce($6, now()) - $2), coalesce($6, now()), $1, $3, $4)
  cross join lateral (
    select extract(epoch from coalesce($6, now()) - coalesce($5, coalesce($6, now()) - $2))::float8 as seconds
  ) as whole
  order by count desc, service, type, name
$$;
comment on function keepwatch.throughput is 'How many executions ended, in all and on average per second and minute, for each service, type and name; the busiest first.';

create type keepwatch.timeseries_row as (bucket timestamptz, value text, count bigint, failures bigint, aborted bigint,
  error_rate double precision, per_second double precision, avg_ms double precision, min_ms double precision, max_ms double precision,
  p50_ms double precision, p95_ms double precision, p99_ms double precision);
create function keepwatch.timeseries(type text default null, within interval default '1 hour', step interval default null,
  group_by text default 'all', name text default null, service text default null,
  from_time timestamptz default null, to_time timestamptz default null)
returns setof keepwatch.timeseries_row language sql stable parallel safe as $$
  select bucket, case when $4 in ('series', 'type,name') then concat_ws(' ', measured.service, measured.type, measured.name) else value end as value,
    count, failures, aborted, failures::float8 / nullif(count - aborted, 0),
    count / extract(epoch from least(bucket + chosen.step, span.until) - greatest(bucket, span.since))::float8,
    (total_us / nullif(count - aborted, 0) / 1000)::float8, min_us / 1000.0::float8, max_us / 1000.0::float8,
    quantiles_us[1] / 1000, quantiles_us[2] / 1000, quantiles_us[3] / 1000
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
  cross join lateral keepwatch.measure(span.since, span.until, $1, $5, $6, $4, chosen.step, '{0.5,0.95,0.99}') as measured
  order by bucket, value
$$;
comment on function keepwatch.timeseries is 'Rate, errors and durations step by step, in order, of all or of each value of group_by: all, series, "type,name", service, type, name, status or a label. A step in which nothing ended has no row. Steps begin at whole steps since Monday, 1970-01-05 00:00 UTC.';

create type keepwatch.top_row as (service text, type text, name text, count bigint, failures bigint, aborted bigint,
  error_rate double precision, total_ms double precision, avg_ms double precision, p95_ms double precision);
create function keepwatch.top(by text default 'count', type text default null, within interval default '1 hour', n integer default 10,
  service text default null, from_time timestamptz default null, to_time timestamptz default null)
returns setof keepwatch.top_row language plpgsql stable parallel safe as $$
#variable_conflict use_column
begin
  if by is null or by not in ('count', 'failures', 'error_rate', 'total_ms', 'avg_ms', 'p95_ms') then
    raise exception 'by: got %; allowed: count, failures, error_rate, total_ms, avg_ms, p95_ms', coalesce(quote_literal(by), 'null')
      using errcode = 'invalid_parameter_value';
  end if;
  return query
  select * from (
    select service, type, name, count, failures, aborted, failures::float8 / nullif(count - aborted, 0) as error_rate,
      (total_us / 1000)::float8 as total_ms, (total_us / nullif(count - aborted, 0) / 1000)::float8 as avg_ms, quantiles_us[1] / 1000 as p95_ms
    from keepwatch.measure(coalesce(from_time, coalesce(to_time, now()) - within), coalesce(to_time, now()), $2, null, $5, quantiles => '{0.95}')
  ) as measured
  order by case by when 'count' then count when 'failures' then failures when 'error_rate' then error_rate when 'total_ms' then total_ms
    when 'avg_ms' then avg_ms else p95_ms end desc nulls last, count desc, service, type, name
  limit n;
end
$$;
comment on function keepwatch.top is 'The n services, types and names with the most of one column: count, failures, error_rate, total_ms, avg_ms or p95_ms.';

create type keepwatch.compare_row as (service text, type text, name text, count bigint, count_before bigint, count_ratio double precision,
  error_rate double precision, error_rate_before double precision, avg_ms double precision, avg_ms_before double precision,
  p95_ms double precision, p95_ms_before double precision, p95_ratio double precision);
create function keepwatch.compare(type text default null, within interval default '1 day', ago interval default '7 days', name text default null,
  service text default null, to_time timestamptz default null)
returns setof keepwatch.compare_row language sql stable parallel safe as $$
  select service, type, name, coalesce(later.count, 0), coalesce(earlier.count, 0), later.count::float8 / earlier.count,
    later.error_rate, earlier.error_rate, later.avg_ms, earlier.avg_ms, later.p95_ms, earlier.p95_ms, later.p95_ms / nullif(earlier.p95_ms, 0)
  from (
    select service, type, name, count, failures::float8 / nullif(count - aborted, 0) as error_rate,
      (total_us / nullif(count - aborted, 0) / 1000)::float8 as avg_ms, quantiles_us[1] / 1000 as p95_ms
    from keepwatch.measure(coalesce($6, now()) - $2, coalesce($6, now()), $1, $4, $5, quantiles => '{0.95}')
  ) as later
  full join (
    select service, type, name, count, failures::float8 / nullif(count - aborted, 0) as error_rate,
      (total_us / nullif(count - aborted, 0) / 1000)::float8 as avg_ms, quantiles_us[1] / 1000 as p95_ms
    from keepwatch.measure(coalesce($6, now()) - $3 - $2, coalesce($6, now()) - $3, $1, $4, $5, quantiles => '{0.95}')
  ) as earlier using (service, type, name)
  order by coalesce(later.count, 0) desc, coalesce(earlier.count, 0) desc, service, type, name
$$;
comment on function keepwatch.compare is 'The interval before to_time (now) beside the same interval some time ago, by default this day and the same a week ago; a ratio above 1 says more, or slower, than then.';

create type keepwatch.label_row as (value text, count bigint, failures bigint, aborted bigint, error_rate double precision,
  total_ms double precision, avg_ms double precision, p50_ms double precision, p95_ms double precision, p99_ms double precision);
create function keepwatch.per_label(label text, type text default null, within interval default '1 hour', name text default null,
  service text default null, from_time timestamptz default null, to_time timestamptz default null)
returns setof keepwatch.label_row language sql stable parallel safe as $$
  select value, count, failures, aborted, failures::float8 / nullif(count - aborted, 0), (total_us / 1000)::float8,
    (total_us / nullif(count - aborted, 0) / 1000)::float8, quantiles_us[1] / 1000, quantiles_us[2] / 1000, quantiles_us[3] / 1000
  from keepwatch.measure(coalesce($6, coalesce($7, now()) - $3), coalesce($7, now()), $2, $4, $5, $1, quantiles => '{0.5,0.95,0.99}')
  order by count desc, value
$$;
comment on function keepwatch.per_label is 'Rate, errors and durations for each value of a label of the metrics, such as model, tenant_id or agent_id; null: without it. Other metadata is not a label: ask observability_metrics.';

create type keepwatch.slow_event as (duration_ms double precision, service text, type text, name text, status text, end_time timestamptz,
  trace_id text, span_id text, error text, metadata jsonb, id uuid);
create function keepwatch.slowest(type text default null, within interval default '1 hour', n integer default 20, name text default null,
  service text default null, from_time timestamptz default null, to_time timestamptz default null)
returns setof keepwatch.slow_event language sql stable parallel safe as $$
  select duration_ms, service, type, name, status, end_time, encode(uuid_send(trace_id), 'hex'), encode(span_id, 'hex'), error, metadata, id
  from keepwatch.observability_metrics
  where end_time >= coalesce($6, coalesce($7, now()) - $2) and end_time < coalesce($7, now())
    and ($1 is null or type = $1) and ($4 is null or name = $4) and ($5 is null or service = $5)
  order by duration_ms desc, id
  limit $3
$$;
comment on function keepwatch.slowest is 'The n longest executions, whatever became of them, of as long ago as raw rows are kept.';

create function keepwatch.error_fingerprint(error text) returns text
language sql immutable parallel safe as $$
  select regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace($1,
    '\m[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\M', '<uuid>', 'gi'),
    '(?<!\w)"[^"]*"(?!\w)|(?<!\w)''[^'']*''(?!\w)|(?<!\w)`[^`]*`(?!\w)', '<text>', 'g'),
    '\m0x[0-9a-f]+\M', '<hex>', 'gi'),
    '\m(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}\M', '<hex>', 'gi'),
    '\d+(?:\.\d+)*', '<number>', 'g'),
    '\s+', ' ', 'g')
$$;
comment on function keepwatch.error_fingerprint is 'An error without what differs from one time to the next: numbers, hexadecimal digits, uuids and quoted texts become <number>, <hex>, <uuid> and <text>.';

create type keepwatch.error_fingerprint_row as (fingerprint text, service text, type text, name text, count bigint,
  first_seen timestamptz, last_seen timestamptz, example_id uuid, example_error text, example_trace_id text);
create function keepwatch.error_fingerprints(type text default null, within interval default '1 day', n integer default 100,
  name text default null, service text default null, from_time timestamptz default null, to_time timestamptz default null)
returns setof keepwatch.error_fingerprint_row language sql stable parallel safe as $$
  select fingerprint, service, type, name, sum(weight)::bigint as count, min(end_time), max(end_time),
    (array_agg(id order by end_time desc, id))[1], (array_agg(error order by end_time desc, id))[1],
    (array_agg(encode(uuid_send(trace_id), 'hex') order by end_time desc, id))[1]
  from (
    select keepwatch.error_fingerprint(error) as fingerprint, service, type, name, weight, end_time, id, error, trace_id
    from keepwatch.observability_metrics
    where status = 'failure' and end_time >= coalesce($6, coalesce($7, now()) - $2) and end_time < coalesce($7, now())
      and ($1 is null or type = $1) and ($4 is null or name = $4) and ($5 is null or service = $5)
  ) as failures
  group by fingerprint, service, type, name
  order by count desc, fingerprint, service, type, name
  limit $3
$$;
comment on function keepwatch.error_fingerprints is 'What fails, with numbers, hexadecimal digits, uuids and quoted texts left out: how often, since when, and the newest example; the most frequent first.';

create type keepwatch.trace_span as (depth integer, span text, offset_ms double precision, duration_ms double precision, service text, type text,
  name text, status text, error text, span_id text, parent_span_id text, start_time timestamptz, end_time timestamptz, metadata jsonb, id uuid);
create function keepwatch.trace(trace_id text, near timestamptz default null)
returns setof keepwatch.trace_span language plpgsql stable parallel safe
set jit = off set plan_cache_mode = force_custom_plan
-- Without its bloom filter a partition is a thousand times more to read, which the planner does not believe.
set enable_seqscan = off set max_parallel_workers_per_gather = 0 as $$
#variable_conflict use_column
declare
  hour constant interval := '1 hour';
  wanted uuid;
  since timestamptz := coalesce(date_bin('1 day', near - hour, 'epoch'), '-infinity');
  until timestamptz := coalesce(date_bin('1 day', near + hour, 'epoch') + interval '1 day', 'infinity');
begin
  if $1 !~* '^\s*([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*$' then
    raise exception 'trace_id: got %; allowed: 32 hexadecimal digits, or a uuid', quote_literal(left($1, 100)) using errcode = 'invalid_parameter_value';
  end if;
  wanted := $1::uuid;
  return query
  with recursive spans as materialized (
    select row_number() over (order by start_time, end_time desc, id) as position, metrics.*
    from keepwatch.observability_metrics as metrics
    where metrics.trace_id = wanted and metrics.end_time >= since and metrics.end_time < until
  ), parents as (
    select distinct on (span_id) span_id, position from spans where span_id is not null order by span_id, position
  ), edges as materialized (
    select spans.position, parents.position as parent
    from spans
    left join parents on parents.span_id = spans.parent_span_id and parents.position <> spans.position
  ), walk as (
    select position, 0 as depth, array[position] as path from edges where parent is null
    union all
    select edges.position, walk.depth + 1, walk.path || edges.position from walk join edges on edges.parent = walk.position
  ), placed as (
    select position, depth, path from walk
    union all
    -- Spans that are their own ancestors: nothing leads to them.
    select position, 0, array[position] from edges where not exists (select from walk where walk.position = edges.position)
  )
  select depth, repeat('  ', depth) || spans.type || ' ' || spans.name,
    extract(epoch from spans.start_time - min(spans.start_time) over ())::float8 * 1000, spans.duration_ms,
    spans.service, spans.type, spans.name, spans.status, spans.error, encode(spans.span_id, 'hex'), encode(spans.parent_span_id, 'hex'),
    spans.start_time, spans.end_time, spans.metadata, spans.id
  from placed
  join spans using (position)
  order by path;
end
$$;
comment on function keepwatch.trace is 'The executions of a trace as a tree, each below the one that it ran in, by their start. trace_id: 32 hexadecimal digits, or a uuid. near: a moment of the trace, so that only its UTC day is read (and its neighbour, within an hour of midnight).';

comment on type keepwatch.measurement is 'Row of measure.';
comment on type keepwatch.latency_row is 'Row of latency.';
comment on type keepwatch.error_rate_row is 'Row of error_rate.';
comment on type keepwatch.throughput_row is 'Row of throughput.';
comment on type keepwatch.timeseries_row is 'Row of timeseries.';
comment on type keepwatch.top_row is 'Row of top.';
comment on type keepwatch.compare_row is 'Row of compare.';
comment on type keepwatch.label_row is 'Row of per_label.';
comment on type keepwatch.slow_event is 'Row of slowest.';
comment on type keepwatch.error_fingerprint_row is 'Row of error_fingerprints.';
comment on type keepwatch.trace_span is 'Row of trace.';
do $$
declare
  found record;
begin
  for found in
    select class.relname as type, attribute.attname as name, meaning.text
    from pg_class as class
    join pg_attribute as attribute on attribute.attrelid = class.oid
    left join (values
      ('service', 'The service.'), ('type', 'Type of the executions.'), ('name', 'What ran.'), ('status', 'success, failure or aborted.'),
      ('bucket', 'Begin of the step; of the first one it may lie before the range.'),
      ('value', 'Value of what is grouped by; null where there is none.'),
      ('count', 'Executions, as often as their weights say, aborted ones included.'),
      ('failures', 'Those that failed.'), ('aborted', 'Those that were given up, by a client for example.'),
      ('error_rate', 'failures / (count - aborted), 0 to 1; null where all were aborted.'),
      ('per_second', 'Executions per second of the time asked for.'), ('per_minute', 'Executions per minute of the time asked for.'),
      ('total_us', 'Sum of the durations, in microseconds.'), ('min_us', 'Shortest duration, in microseconds.'),
      ('max_us', 'Longest duration, in microseconds.'), ('quantiles_us', 'The quantiles asked for, in microseconds; null without durations.'),
      ('total_ms', 'Sum of the durations, in milliseconds.'), ('avg_ms', 'Average duration, in milliseconds.'),
      ('min_ms', 'Shortest duration, in milliseconds.'), ('max_ms', 'Longest duration, in milliseconds.'),
      ('p50_ms', 'Median duration, in milliseconds.'), ('p90_ms', '9 of 10 took no longer, in milliseconds.'),
      ('p95_ms', '95 of 100 took no longer, in milliseconds.'), ('p99_ms', '99 of 100 took no longer, in milliseconds.'),
      ('count_before', 'count, of the time before.'), ('count_ratio', 'count / count_before.'),
      ('error_rate_before', 'error_rate, of the time before.'), ('avg_ms_before', 'avg_ms, of the time before.'),
      ('p95_ms_before', 'p95_ms, of the time before.'), ('p95_ratio', 'p95_ms / p95_ms_before.'),
      ('fingerprint', 'The error without what differs from one time to the next.'),
      ('first_seen', 'When the first of them ended.'), ('last_seen', 'When the newest of them ended.'),
      ('example_id', 'Id of the newest event.'), ('example_error', 'Its error.'), ('example_trace_id', 'Its W3C trace id.'),
      ('depth', 'How many executions it ran in, of the same trace.'), ('span', 'Type and name, indented by depth.'),
      ('offset_ms', 'From the begin of the trace to its own, in milliseconds.'), ('duration_ms', 'How long it took, in milliseconds.'),
      ('start_time', 'When it began.'), ('end_time', 'When it ended.'), ('error', 'Name and message of its error.'),
      ('trace_id', 'W3C trace id.'), ('span_id', 'W3C span id.'), ('parent_span_id', 'W3C span id of the execution that it ran in.'),
      ('metadata', 'The labels of its metric and what the code added.'), ('id', 'Id of the event.')
    ) as meaning (name, text) on meaning.name = attribute.attname
    where class.relnamespace = 'keepwatch'::regnamespace and class.relkind = 'c' and attribute.attnum > 0
  loop
    execute format('comment on column keepwatch.%I.%I is %L', found.type, found.name, found.text);
  end loop;
end
$$;
