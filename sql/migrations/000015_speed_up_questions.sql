-- Faster answers to the same questions: quantiles of long ranges and of many series, and the spans of a trace.

-- As before, one pass over the rollups of a group and step. Quantiles are ranked from the top, as far down as the lowest one that is asked for.
-- Where there are many rollups, a thirty-second of them tells roughly where that is, and only what lies above is unpacked and added up; if that
-- turns out to be too little, all of it is.
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

-- As before; without a time the planner is left with the index of trace ids alone.
create or replace function keepwatch.trace(trace_id text, near timestamptz default null)
returns setof keepwatch.trace_span language plpgsql stable parallel safe
set jit = off set plan_cache_mode = force_custom_plan
-- Without its bloom filter a partition is a thousand times more to read, which the planner does not believe. Where no time is given, none is
-- asked for: the index of the time alone would seem as good.
set enable_seqscan = off set max_parallel_workers_per_gather = 0 as $$
#variable_conflict use_column
declare
  hour constant interval := '1 hour';
  wanted uuid;
  since constant timestamptz := date_bin('1 day', near - hour, 'epoch');
  until constant timestamptz := date_bin('1 day', near + hour, 'epoch') + interval '1 day';
begin
  if $1 !~* '^\s*([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*$' then
    raise exception 'trace_id: got %; allowed: 32 hexadecimal digits, or a uuid', quote_literal(left($1, 100)) using errcode = 'invalid_parameter_value';
  end if;
  wanted := $1::uuid;
  return query
  with recursive spans as materialized (
    select row_number() over (order by start_time, end_time desc, id) as position, metrics.*
    from keepwatch.observability_metrics as metrics
    where metrics.trace_id = wanted and (near is null or metrics.end_time >= since and metrics.end_time < until)
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

-- As before, with the time beside the trace id in one index: of trace ids alone the planner believes that they lie everywhere in a day, and reads
-- all of it. The small index of the time stays, for all other questions.
create or replace function keepwatch.ensure_partitions(from_time timestamptz, to_time timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  day date := (from_time at time zone 'UTC')::date;
  last_day date := (to_time at time zone 'UTC')::date;
  leaf text;
  made integer := 0;
begin
  if last_day - day > 400 then
    raise exception 'ensure_partitions: % to % is more than 400 days', from_time, to_time using errcode = '22023';
  end if;
  while day <= last_day loop
    leaf := 'observability_metrics_p' || to_char(day, 'YYYYMMDD');
    if to_regclass('keepwatch.' || leaf) is null then
      perform pg_advisory_xact_lock(hashtextextended('keepwatch.partitions', 0));
      if to_regclass('keepwatch.' || leaf) is null then
        execute format('create table keepwatch.%I (like keepwatch.observability_metrics including defaults including comments)', leaf);
        execute format('alter table keepwatch.%I add constraint %I check (end_time >= %L and end_time < %L)', leaf, leaf || '_end_time_check',
          day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        execute format('create index %I on keepwatch.%I using brin (end_time) with (pages_per_range = 32, autosummarize = on)', leaf || '_end_time_idx', leaf);
        execute format('create index %I on keepwatch.%I (name, end_time) where status = ''failure''', leaf || '_failure_idx', leaf);
        execute format('create index %I on keepwatch.%I using brin (end_time, trace_id uuid_bloom_ops) with (pages_per_range = 32, autosummarize = on)',
          leaf || '_end_time_trace_id_idx', leaf);
        execute format('alter table keepwatch.observability_metrics attach partition keepwatch.%I for values from (%L) to (%L)', leaf,
          day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        made := made + 1;
      end if;
    end if;
    day := day + 1;
  end loop;
  return made;
end
$$;

-- Days without rows get the new index here. Those with rows get it from maintenance, one by one and concurrently, and lose the old one then: until
-- then a trace is found as before. A database that nobody has written to has nothing to be careful with.
do $$
declare
  leaf text;
begin
  for leaf in
    select pg_class.relname
    from pg_inherits
    join pg_class on pg_class.oid = pg_inherits.inhrelid
    where pg_inherits.inhparent = 'keepwatch.observability_metrics'::regclass and pg_relation_size(pg_class.oid) = 0
  loop
    execute format('create index %I on keepwatch.%I using brin (end_time, trace_id uuid_bloom_ops) with (pages_per_range = 32, autosummarize = on)',
      leaf || '_end_time_trace_id_idx', leaf);
    if not exists (select from keepwatch.sources) then
      execute format('drop index keepwatch.%I', leaf || '_trace_id_idx');
    end if;
  end loop;
end
$$;

-- Counts of buckets in four bytes: rollups of few events a minute take three fifths of the room. Deltas keep eight, which older versions write.
-- A table of many gigabytes is rewritten, and cannot be read meanwhile.
drop view keepwatch.observability_rollup_1m, keepwatch.observability_rollup_1h;
create function keepwatch.narrow_counts(counts bigint[]) returns integer[] language sql immutable as $$
  select coalesce(array_agg(least(count, 2147483647)::integer order by position), '{}') from unnest(counts) with ordinality as cell (count, position)
$$;
alter table keepwatch.rollup_minutes alter column hc type integer[] using keepwatch.narrow_counts(hc);
alter table keepwatch.rollup_hours alter column hc type integer[] using keepwatch.narrow_counts(hc);
drop function keepwatch.narrow_counts;
comment on column keepwatch.rollup_minutes.hc is 'Executions in each of these buckets; 2^31 - 1 at most.';
comment on column keepwatch.rollup_hours.hc is 'Executions in each of these buckets; 2^31 - 1 at most.';

create view keepwatch.observability_rollup_1m as
select part.bucket, series.service, series.type, series.name, part.status, series.labels, part.series_id, part.rows, part.count,
  case when part.status = 'failure' then part.count else 0 end as failures, part.sum_us, part.min_us, part.max_us, part.hb, part.hc
from (
  select bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc::bigint[] from keepwatch.rollup_minutes
  union all
  select * from keepwatch.rollup_deltas
) as part
join keepwatch.observability_series as series using (series_id);
comment on view keepwatch.observability_rollup_1m is 'Rate, errors and durations per UTC minute, series and status. What is new may stand in several rows of one key: add them up.';

create view keepwatch.observability_rollup_1h as
select part.bucket, series.service, series.type, series.name, part.status, series.labels, part.series_id, part.rows, part.count,
  case when part.status = 'failure' then part.count else 0 end as failures, part.sum_us, part.min_us, part.max_us, part.hb, part.hc
from (
  select bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc::bigint[] from keepwatch.rollup_hours
  union all
  select date_trunc('hour', bucket, 'UTC'), series_id, status, rows, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_deltas
) as part
join keepwatch.observability_series as series using (series_id);
comment on view keepwatch.observability_rollup_1h is 'Rate, errors and durations per UTC hour, series and status. What is new may stand in several rows of one key: add them up.';

do $$
declare
  shared record;
  rollup text;
begin
  for rollup in select unnest(array['observability_rollup_1m', 'observability_rollup_1h']) loop
    for shared in
      select attribute.attname as name, col_description(attribute.attrelid, attribute.attnum) as meaning
      from pg_attribute as attribute
      where attribute.attnum > 0 and (attribute.attrelid = 'keepwatch.rollup_deltas'::regclass
        or attribute.attrelid = 'keepwatch.observability_series'::regclass and attribute.attname in ('service', 'type', 'name', 'labels'))
    loop
      execute format('comment on column keepwatch.%I.%I is %L', rollup, shared.name, shared.meaning);
    end loop;
    execute format('comment on column keepwatch.%I.failures is %L', rollup, 'Executions that failed: count where status is failure, else 0.');
  end loop;
end
$$;
comment on column keepwatch.observability_rollup_1h.bucket is 'The UTC hour in which the executions ended.';

create or replace function keepwatch.rollup_parts(ids bigint[], minute_from timestamptz, hour_from timestamptz, hour_to timestamptz, minute_to timestamptz,
  since timestamptz, until timestamptz, has_head boolean, has_hours boolean, has_tail boolean)
returns table (status text, count bigint, sum_us bigint, min_us bigint, max_us bigint, hb smallint[], hc bigint[])
language sql stable parallel safe as $$
  select status, count, sum_us, min_us, max_us, hb, hc::bigint[] from keepwatch.rollup_minutes
  where series_id = any($1) and bucket >= $2 and bucket < $3 and bucket >= $6 and bucket < $7 and $8
  union all
  select status, count, sum_us, min_us, max_us, hb, hc::bigint[] from keepwatch.rollup_hours
  where series_id = any($1) and bucket >= $3 and bucket < $4 and bucket >= $6 and bucket < $7 and $9
  union all
  select status, count, sum_us, min_us, max_us, hb, hc::bigint[] from keepwatch.rollup_minutes
  where series_id = any($1) and bucket >= $4 and bucket < $5 and bucket >= $6 and bucket < $7 and $10
  union all
  select status, count, sum_us, min_us, max_us, hb, hc from keepwatch.rollup_deltas
  where series_id = any($1) and bucket >= $2 and bucket < $5 and bucket >= $6 and bucket < $7
$$;

do $$
declare
  who text;
begin
  foreach who in array array['keepwatch_owner', 'keepwatch_writer', 'keepwatch_reader', 'keepwatch_rules'] loop
    if exists (select from pg_roles where rolname = who) then
      execute format('grant %s on keepwatch.observability_rollup_1m, keepwatch.observability_rollup_1h to %I',
        case who when 'keepwatch_owner' then 'all' else 'select' end, who);
    end if;
  end loop;
end
$$;
