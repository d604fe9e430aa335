-- Usage: what calls to models and syncs of connectors used (tokens, dollars, records, time to first token), per UTC hour and by whose it is. Hours are
-- closed when they are over: added up from raw rows, and noted. What comes late to a closed hour opens it again in the transaction that folds its
-- rollups; until then its deltas say so. Readers take closed hours from here and all others from raw rows, so that no answer is ever wrong.

create table keepwatch.usage_hours (
  bucket timestamptz not null,
  service text not null,
  type text not null,
  labels jsonb not null,
  count bigint not null,
  priced bigint not null,
  cost_usd numeric, input_tokens numeric, cached_input_tokens numeric, cache_write_tokens numeric, cache_write_1h_tokens numeric,
  output_tokens numeric, reasoning_tokens numeric, audio_input_tokens numeric, audio_output_tokens numeric, total_tokens numeric,
  records numeric,
  first_token_hb smallint[],
  first_token_hc bigint[]
);
create index usage_hours_bucket_idx on keepwatch.usage_hours (bucket);
comment on table keepwatch.usage_hours is 'Usage per UTC hour of closed hours: read keepwatch.usage(), which adds what is not closed.';
comment on column keepwatch.usage_hours.bucket is 'The UTC hour in which the executions ended.';
comment on column keepwatch.usage_hours.service is 'The service that recorded them.';
comment on column keepwatch.usage_hours.type is 'Type of their events.';
comment on column keepwatch.usage_hours.labels is 'Whose usage it is: the members of their metadata that keepwatch.usage_labels() takes.';
comment on column keepwatch.usage_hours.count is 'Executions: the sum of their weights.';
comment on column keepwatch.usage_hours.priced is 'Those of them that have a cost.';
comment on column keepwatch.usage_hours.cost_usd is 'Sum of weight * cost, in US dollars, exact; null: none is known.';
comment on column keepwatch.usage_hours.input_tokens is 'Sum of weight * tokens of the bucket input; null: none is known.';
comment on column keepwatch.usage_hours.cached_input_tokens is 'Sum of weight * tokens of the bucket cached_input; null: none is known.';
comment on column keepwatch.usage_hours.cache_write_tokens is 'Sum of weight * tokens of the bucket cache_write; null: none is known.';
comment on column keepwatch.usage_hours.cache_write_1h_tokens is 'Sum of weight * tokens of the bucket cache_write_1h; null: none is known.';
comment on column keepwatch.usage_hours.output_tokens is 'Sum of weight * tokens of the bucket output; null: none is known.';
comment on column keepwatch.usage_hours.reasoning_tokens is 'Sum of weight * tokens of the bucket reasoning; null: none is known.';
comment on column keepwatch.usage_hours.audio_input_tokens is 'Sum of weight * tokens of the bucket audio_input; null: none is known.';
comment on column keepwatch.usage_hours.audio_output_tokens is 'Sum of weight * tokens of the bucket audio_output; null: none is known.';
comment on column keepwatch.usage_hours.total_tokens is 'Sum of weight * all tokens; null: none is known.';
comment on column keepwatch.usage_hours.records is 'Sum of weight * records of syncs; null: none is known.';
comment on column keepwatch.usage_hours.first_token_hb is 'Buckets of the histogram of the time to the first token, ascending: keepwatch.bucket_of() of each; null: none is known.';
comment on column keepwatch.usage_hours.first_token_hc is 'Executions in each of these buckets.';

create table keepwatch.usage_closings (
  hour timestamptz primary key,
  closed_at timestamptz,
  reopened_at timestamptz
);
comment on table keepwatch.usage_closings is 'UTC hours whose raw rows usage_hours has added up.';
comment on column keepwatch.usage_closings.hour is 'Begin of the hour.';
comment on column keepwatch.usage_closings.closed_at is 'When it was added up last; null: never.';
comment on column keepwatch.usage_closings.reopened_at is 'Since when its rows are others than those that were added up; null: they are the same.';

-- Whether retention has taken the raw rows of a moment, or is about to: what is left of them is what was added up.
create function keepwatch.is_retired(moment timestamptz) returns boolean
language sql stable parallel safe as $$
  select exists (
    select from keepwatch.retired_partitions where name = 'observability_metrics_p' || to_char(moment at time zone 'UTC', 'YYYYMMDD')
  )
$$;
comment on function keepwatch.is_retired is 'Whether retention has removed the raw rows of the UTC day of a moment, or is about to.';

create function keepwatch.usage_labels(metadata jsonb) returns jsonb
language sql stable parallel safe as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'provider', metadata -> 'provider', 'model', metadata -> 'model', 'team', metadata -> 'team', 'tenant_id', metadata -> 'tenant_id',
    'feature', metadata -> 'feature', 'agent_id', metadata -> 'agent_id', 'connector_type', metadata -> 'connector_type',
    'resource_type', metadata -> 'resource_type'
  ))
$$;
comment on function keepwatch.usage_labels is 'The members of metadata by which usage is told apart: provider, model, team, tenant_id, feature, agent_id, connector_type, resource_type.';

create function keepwatch.is_usage_scope(scope jsonb) returns boolean
language sql stable parallel safe as $$
  select keepwatch.usage_labels(scope) = scope
$$;
comment on function keepwatch.is_usage_scope is 'Whether usage is told apart by all members of a scope, such as that of a budget.';

-- Beyond 1e15 it is no usage, and would take sums with it.
create function keepwatch.usage_number(metadata jsonb, member text) returns numeric
language sql immutable parallel safe as $$
  select case when jsonb_typeof(metadata -> member) = 'number' then least(greatest((metadata -> member)::numeric, -1e15), 1e15) end
$$;
comment on function keepwatch.usage_number is 'A member of metadata that is a number, between -1e15 and 1e15; else null.';

-- A single query, so that it becomes part of the one that calls it, and columns that nobody asks for are not computed.
create function keepwatch.event_usage(since timestamptz, until timestamptz)
returns table (end_time timestamptz, service text, type text, labels jsonb, count bigint, priced bigint,
  cost_usd numeric, input_tokens numeric, cached_input_tokens numeric, cache_write_tokens numeric, cache_write_1h_tokens numeric,
  output_tokens numeric, reasoning_tokens numeric, audio_input_tokens numeric, audio_output_tokens numeric, total_tokens numeric,
  records numeric,
  first_token_us bigint)
language sql stable parallel safe as $$
  select metrics.end_time, metrics.service, metrics.type, keepwatch.usage_labels(metrics.metadata), metrics.weight::bigint,
    case when jsonb_typeof(metrics.metadata -> 'cost_usd') = 'number' then metrics.weight else 0 end::bigint,
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'cost_usd'),
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'input_tokens'),
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'cached_input_tokens'),
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'cache_write_tokens'),
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'cache_write_1h_tokens'),
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'output_tokens'),
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'reasoning_tokens'),
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'audio_input_tokens'),
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'audio_output_tokens'),
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'total_tokens'),
    metrics.weight * keepwatch.usage_number(metrics.metadata, 'records'),
    case when jsonb_typeof(metrics.metadata -> 'time_to_first_token_ms') = 'number'
      then keepwatch.duration_us(keepwatch.usage_number(metrics.metadata, 'time_to_first_token_ms')::float8) end
  from keepwatch.observability_metrics as metrics
  where metrics.end_time >= since and metrics.end_time < until
    and (metrics.type = 'llm' or metrics.metadata ?| array['cost_usd', 'time_to_first_token_ms', 'input_tokens', 'cached_input_tokens',
      'cache_write_tokens', 'cache_write_1h_tokens', 'output_tokens', 'reasoning_tokens', 'audio_input_tokens', 'audio_output_tokens',
      'total_tokens', 'records'])
$$;
comment on function keepwatch.event_usage is 'Usage of single executions that ended in a range: calls to models, and whatever says what it used.';

-- Few of them, and each is looked up: a plan that reads all raw rows of the range beside them would take seconds. So it is no part of other queries.
create function keepwatch.usage_spans(from_time timestamptz, to_time timestamptz, step interval)
returns table (since timestamptz, until timestamptz, is_closed boolean)
language plpgsql stable parallel safe rows 3 as $$
begin
  return query
  with closed as (
    select closing.hour
    from keepwatch.usage_closings as closing
    where closing.hour >= from_time and closing.hour <= to_time - interval '1 hour' and closing.closed_at is not null
      and (step is null or extract(epoch from step) % 3600 = 0)
      and (keepwatch.is_retired(closing.hour) or closing.reopened_at is null and closing.hour not in (
        select date_trunc('hour', delta.bucket, 'UTC') from keepwatch.rollup_deltas as delta
      ))
  ), island as (
    select min(numbered.hour) as begin, max(numbered.hour) + interval '1 hour' as until
    from (select closed.hour, closed.hour - row_number() over (order by closed.hour) * interval '1 hour' as number from closed) as numbered
    group by number
  ), gap as (
    select lag(island.until, 1, from_time) over (order by island.begin) as begin, island.begin as until from island
    union all
    select coalesce(max(island.until), from_time), to_time from island
  )
  select island.begin, island.until, true from island
  union all
  select gap.begin, gap.until, false from gap where gap.begin < gap.until;
end
$$;
comment on function keepwatch.usage_spans is 'A range in pieces: whole hours that are closed, and what is not closed or not whole. Steps that are not whole hours want raw rows for all of it.';

-- A plan of its own for each piece: to the planner of whoever asks for many, reading all rows of the table would seem the same.
create function keepwatch.usage_of_events(since timestamptz, until timestamptz)
returns table (end_time timestamptz, service text, type text, labels jsonb, count bigint, priced bigint,
  cost_usd numeric, input_tokens numeric, cached_input_tokens numeric, cache_write_tokens numeric, cache_write_1h_tokens numeric,
  output_tokens numeric, reasoning_tokens numeric, audio_input_tokens numeric, audio_output_tokens numeric, total_tokens numeric,
  records numeric,
  first_token_us bigint)
language plpgsql stable parallel safe set plan_cache_mode = force_custom_plan set jit = off as $$
begin
  return query select * from keepwatch.event_usage($1, $2);
end
$$;

comment on function keepwatch.usage_of_events is 'As event_usage, planned by itself.';

create function keepwatch.usage(within interval default '1 hour', step interval default null,
  from_time timestamptz default null, to_time timestamptz default null)
returns table (bucket timestamptz, service text, type text, labels jsonb, count bigint, priced bigint,
  cost_usd numeric, input_tokens numeric, cached_input_tokens numeric, cache_write_tokens numeric, cache_write_1h_tokens numeric,
  output_tokens numeric, reasoning_tokens numeric, audio_input_tokens numeric, audio_output_tokens numeric, total_tokens numeric,
  records numeric,
  first_token_hb smallint[], first_token_hc bigint[])
language sql stable parallel safe as $$
  select case when $2 is null then part.bucket else date_bin($2, part.bucket, '1970-01-05 00:00:00+00') end,
    part.service, part.type, part.labels, part.count, part.priced,
    part.cost_usd, part.input_tokens, part.cached_input_tokens, part.cache_write_tokens, part.cache_write_1h_tokens, part.output_tokens,
    part.reasoning_tokens, part.audio_input_tokens, part.audio_output_tokens, part.total_tokens, part.records,
    part.first_token_hb, part.first_token_hc
  from (
    select hours.bucket, hours.service, hours.type, hours.labels, hours.count, hours.priced,
      hours.cost_usd, hours.input_tokens, hours.cached_input_tokens, hours.cache_write_tokens, hours.cache_write_1h_tokens, hours.output_tokens,
      hours.reasoning_tokens, hours.audio_input_tokens, hours.audio_output_tokens, hours.total_tokens, hours.records,
      hours.first_token_hb, hours.first_token_hc
    from keepwatch.usage_spans(coalesce($3, coalesce($4, now()) - $1), coalesce($4, now()), $2) as span
    join keepwatch.usage_hours as hours on hours.bucket >= span.since and hours.bucket < span.until
    where span.is_closed
    union all
    select case when $2 is null then date_trunc('hour', event.end_time, 'UTC') else event.end_time end,
      event.service, event.type, event.labels, event.count, event.priced,
      event.cost_usd, event.input_tokens, event.cached_input_tokens, event.cache_write_tokens, event.cache_write_1h_tokens, event.output_tokens,
      event.reasoning_tokens, event.audio_input_tokens, event.audio_output_tokens, event.total_tokens, event.records,
      case when event.first_token_us is not null then array[keepwatch.bucket_of(event.first_token_us)] end,
      case when event.first_token_us is not null then array[event.count] end
    from keepwatch.usage_spans(coalesce($3, coalesce($4, now()) - $1), coalesce($4, now()), $2) as span
    cross join lateral keepwatch.usage_of_events(span.since, span.until) as event
    where not span.is_closed
  ) as part
$$;
comment on function keepwatch.usage is 'Tokens, dollars, records and times to first token of a range, by hour (or step), service, type and labels: exact at any time. A key may have several rows: add them up. Without from_time and to_time, of the time that ends now.';

-- By itself, and compiled by nobody: that of all partitions takes longer than what they are asked.
create function keepwatch.spending(moment timestamptz, budget text default null)
returns table (name text, period text, period_start date, scope jsonb, limit_usd numeric, spent_usd numeric)
language plpgsql stable parallel safe set plan_cache_mode = force_custom_plan set jit = off as $$
begin
  return query
  with due as materialized (
    select budgets.name, budgets.period, budgets.timezone, budgets.scope, budgets.limit_usd,
      date_trunc(budgets.period, moment, budgets.timezone) as started_at, keepwatch.is_usage_scope(budgets.scope) as is_usage
    from keepwatch.budgets
    where budgets.enabled and (budget is null or budgets.name = budget)
  ), used as materialized (
    select begun.started_at, used.labels, sum(used.cost_usd) as usd
    from (select distinct due.started_at from due where due.is_usage) as begun
    cross join lateral keepwatch.usage(from_time => begun.started_at, to_time => moment) as used
    where used.priced > 0
    group by begun.started_at, used.labels
  ), spent as (
    select due.name, sum(used.usd) as usd
    from due join used on used.started_at = due.started_at and used.labels @> due.scope
    where due.is_usage
    group by due.name
    union all
    select own.name, sum(metrics.weight * keepwatch.usage_number(metrics.metadata, 'cost_usd'))
    from keepwatch.observability_metrics as metrics
    cross join lateral (
      select due.name from due where not due.is_usage and metrics.end_time >= due.started_at and metrics.metadata @> due.scope offset 0
    ) as own
    where metrics.end_time >= (select min(due.started_at) from due where not due.is_usage) and metrics.end_time < moment
      and metrics.metadata ? 'cost_usd'
    group by own.name
  )
  select due.name, due.period, (due.started_at at time zone due.timezone)::date, due.scope, due.limit_usd::numeric, coalesce(spent.usd, 0)
  from due left join spent on spent.name = due.name;
end
$$;
comment on function keepwatch.spending is 'What was spent of each budget that is enabled, or of one, from the begin of its period to a moment: exact. From usage where usage is told apart by all members of its scope, which takes a moment; else from raw events, as long as they are kept.';

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant all on keepwatch.usage_hours, keepwatch.usage_closings to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_writer') then
    grant select on keepwatch.usage_hours, keepwatch.usage_closings to keepwatch_writer;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.usage_hours, keepwatch.usage_closings to keepwatch_reader;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_rules') then
    grant select on keepwatch.usage_hours, keepwatch.usage_closings to keepwatch_rules;
  end if;
end
$$;
