// The questions of docs/sql.md, by their first words, answered by brute force on every raw row that ever was. Each statement reads
//   history      the raw rows, those that retention has removed too (test/support/history.ts)
//   executions   the same, each as often as its weight says
//   kept(t)      t, or its minute where raw rows are gone: there a range begins and ends at whole minutes
//   ms(q, min, max)  what a histogram says for an exact quantile, in milliseconds
// In order where they have one.

const DURATIONS = `min(us) filter (where status <> 'aborted'), max(us) filter (where status <> 'aborted')`;
const quantile = (q: number) =>
  `ms(percentile_disc(${q}) within group (order by us) filter (where status <> 'aborted'), ${DURATIONS})`;
const ENDED = `nullif(count(*) filter (where status <> 'aborted'), 0)`;
const FAILURES = `count(*) filter (where status = 'failure')`;
const ERROR_RATE = `(${FAILURES})::float8 / ${ENDED}`;
const TOTAL_MS = `coalesce(sum(us) filter (where status <> 'aborted'), 0)::float8 / 1000`;
/** For questions to raw rows of days that retention may have taken. */
const RAW = `end_time >= (select max(until) from keepwatch.retired_partitions)`;
const since = (interval: string) => `end_time >= kept(now() - interval '${interval}') and end_time < now()`;

/** Of half of a comparison: a day that ended some time ago. */
const dayBefore = (ago: string) => `
  select service, name, count(*) as count, ${ERROR_RATE} as error_rate, ${quantile(0.95)} as p95_ms from executions
  where type = 'api' and end_time >= kept(now() - interval '${ago}' - interval '1 day') and end_time < kept(now() - interval '${ago}')
  group by service, name`;

export const ANSWERS: Readonly<Record<string, string>> = {
  'Latencies of each endpoint over the last 30 days': `
    select name, count(*) as count, ${TOTAL_MS} / ${ENDED} as avg_ms, ${quantile(0.5)} as p50_ms, ${quantile(0.95)} as p95_ms, ${quantile(0.99)} as p99_ms
    from executions where type = 'api' and ${since('30 days')} group by service, name order by count(*) desc, service, name`,
  'What fails, as a share, and how often': `
    select service, type, name, count(*) as count, ${FAILURES} as failures, ${ERROR_RATE} as error_rate from executions
    where ${since('1 day')} group by service, type, name having ${FAILURES} > 0
    order by error_rate desc, failures desc, count(*) desc, service, type, name`,
  'How busy is each route now': `
    select name, count(*) as count, count(*) / 3600.0 as per_second, count(*) / 60.0 as per_minute from executions
    where type = 'api' and ${since('1 hour')} group by service, name order by count(*) desc, service, name`,
  'p95 of one route, hour by hour, for a week': `
    select date_trunc('hour', end_time) as bucket, count(*) as count, ${ERROR_RATE} as error_rate, ${quantile(0.95)} as p95_ms from executions
    where type = 'api' and name = 'POST /chat' and ${since('7 days')} group by 1 order by 1`,
  'Failures per minute of each service': `
    select date_trunc('minute', end_time) as bucket, service, ${FAILURES} as failures, count(*) as count from executions
    where ${since('1 hour')} group by 1, 2 order by 1, 2`,
  'Executions per day and type, for as long as rollups are kept': `
    select date_trunc('day', end_time, 'UTC') as bucket, type, count(*) as count from executions where ${since('30 days')} group by 1, 2 order by 1, 2`,
  'Every minute of the last hour, those in which nothing ended too': `
    select minute, (select count(*) from executions where type = 'api' and ${since('1 hour')} and date_trunc('minute', end_time) = minute) as count
    from generate_series(date_trunc('minute', now()) - interval '59 minutes', now(), '1 minute') as minute order by minute`,
  'Where the time goes, the five names that take most of it': `
    select service, type, name, ${TOTAL_MS} as total_ms, count(*) as count from executions where ${since('1 day')} group by service, type, name
    order by total_ms desc limit 5`,
  'The slowest tools of the week, by their p95': `
    select name, service, ${quantile(0.95)} as p95_ms, count(*) as count from executions where type = 'tool' and ${since('7 days')}
    group by service, name order by p95_ms desc, count desc limit 3`,
  'This day against the same day a week ago': `
    select service, name, later.count, coalesce(earlier.count, 0) as count_before, later.error_rate, earlier.error_rate as error_rate_before,
      later.p95_ms, earlier.p95_ms as p95_ms_before, later.p95_ms / earlier.p95_ms as p95_ratio
    from (${dayBefore('0 days')}) as later full join (${dayBefore('7 days')}) as earlier using (service, name)`,
  'How does each model do': `
    select labels ->> 'model' as model, count(*) as count, ${ERROR_RATE} as error_rate, ${quantile(0.5)} as p50_ms, ${quantile(0.95)} as p95_ms,
      ${TOTAL_MS} as total_ms
    from executions where type = 'llm' and ${since('7 days')} group by 1 order by count desc, model`,
  'How does each tenant do': `
    select labels ->> 'tenant_id' as tenant, count(*) as count, ${FAILURES} as failures, count(*) filter (where status = 'aborted') as aborted,
      ${quantile(0.95)} as p95_ms
    from executions where type = 'connector' and ${since('1 day')} group by 1 order by count desc, tenant`,
  'How many requests of each status code': `
    select metadata ->> 'http_response_status_code' as status_code, count(*) as count from executions where type = 'api' and ${since('1 day')}
    group by 1 order by count desc, 1`,
  'Any quantile, of exactly one hour, here the slowest of a thousand agent runs': `
    select name, count(*) as count, ${quantile(0.999)} as p99_9_ms from executions
    where type = 'agent' and end_time >= date_trunc('hour', now()) - interval '1 hour' and end_time < date_trunc('hour', now()) group by service, name`,
  'Model calls of each team, from the rollups themselves': `
    select labels ->> 'team' as team, labels ->> 'model' as model, count(*) as calls, ${FAILURES} as failures from executions
    where type = 'llm' and end_time >= date_trunc('day', now(), 'UTC') - interval '7 days' group by 1, 2 order by calls desc, team, model`,
  'Which hours of the day are the busiest': `
    select extract(hour from end_time at time zone 'UTC')::integer as hour, count(*) as executions from executions group by 1 order by 1`,
  "What share of each endpoint's requests took longer than about a second (2^20 µs, the border of a bucket), since yesterday": `
    select name, avg(case when us > 1048576 then 1 else 0 end)::float8 as slow_share from executions
    where type = 'api' and status <> 'aborted' and end_time >= date_trunc('day', now(), 'UTC') - interval '1 day' group by name`,
  'The longest executions of the last hour': `
    select end_time, type, name, duration_ms, status, replace(trace_id::text, '-', '') as trace_id from history where ${since('1 hour')}
    order by duration_ms desc limit 20`,
  'What goes wrong today, numbers and ids left out': `
    select case split_part(error, ':', 1) when 'TimeoutError' then 'TimeoutError: no answer after <number> ms'
        when 'TypeError' then 'TypeError: cannot read <text> of undefined' when 'ConflictError' then 'ConflictError: order <uuid> is taken'
        when 'RangeError' then 'RangeError: <hex> is too large' else error end as fingerprint,
      name, sum(weight) as count, min(end_time) as first_seen, max(end_time) as last_seen,
      (array_agg(replace(trace_id::text, '-', '') order by end_time desc, id))[1] as example_trace_id
    from history where status = 'failure' and ${since('1 day')} group by 1, service, type, name limit 100`,
  'One trace as a tree': `
    with recursive tree as (
      select *, 0 as depth, array[start_time] as path from history where trace_id = '0af7651916cd43dd8448eb211c80319c' and parent_span_id is null
      union all
      select history.*, depth + 1, path || history.start_time from history join tree on history.parent_span_id = tree.span_id
    )
    select repeat('  ', depth) || type || ' ' || name as span, extract(epoch from start_time - (select min(start_time) from tree)) * 1000 as offset_ms,
      duration_ms, status, error
    from tree order by path`,
  'Rate, errors and duration of each endpoint in the last hour': `
    select name, count(*) as requests, round(avg(case when status = 'failure' then 100.0 else 0 end), 2) as failed_percent,
      (array_agg(duration_ms order by duration_ms))[ceil(0.95::float8 * count(*))] as p95_ms
    from history where type = 'api' and ${since('1 hour')} or type = 'api' and end_time > now() group by name`,
  'Requests per minute, and how many of them failed': `
    select to_timestamp(60 * floor(extract(epoch from end_time) / 60)) as minute, count(*) as requests, sum((status = 'failure')::integer) as failures
    from history where type = 'api' and end_time >= now() - interval '1 hour' group by 1 order by 1`,
  'The ten slowest executions today, with what they carried': `
    select end_time, type, name, duration_ms, status, metadata from history where end_time >= date_trunc('day', now())
    order by us desc, duration_ms desc limit 10`,
  'One trace, in the order in which its parts began': `
    select start_time, type, name, duration_ms, status, encode(span_id, 'hex') as span_id, encode(parent_span_id, 'hex') as parent_span_id
    from history where md5(trace_id::text) = md5('0af7651916cd43dd8448eb211c80319c'::uuid::text) order by start_time`,
  "The same by the table's own type and with the time, which are what its index knows": `
    select start_time, type, name, duration_ms
    from history where md5(trace_id::text) = md5('0af7651916cd43dd8448eb211c80319c'::uuid::text) order by start_time`,
  'Which errors are new today, compared with yesterday': `
    select name, error, count(*) as times, min(end_time) as first_seen_at from history
    where status = 'failure' and end_time >= now() - interval '1 day' and (name, error) not in (
      select name, error from history
      where status = 'failure' and error is not null and end_time >= now() - interval '2 days' and end_time < now() - interval '1 day')
    or status = 'failure' and error is null and end_time >= now() - interval '1 day'
    group by name, error`,
  'Where the time of an agent goes': `
    select type, name, count(*) as calls, sum(duration_ms) as total_ms from history as part
    where end_time >= now() - interval '1 hour' and exists (
      select from history as agent where agent.type = 'agent' and agent.trace_id = part.trace_id and agent.span_id = part.parent_span_id
        and agent.end_time >= now() - interval '1 hour')
    group by type, name`,
  'What ran outside of any other execution, and how often': `
    select type, name, sum((parent_span_id is null)::integer) as without_parent, count(*) as executions from history
    where type = any('{tool,llm,workflow_step,db,cache}') and end_time >= now() - interval '1 day'
    group by type, name having bool_or(parent_span_id is null)`,
  'Success rate of every tool, the worst first': `
    select name, count(*) as calls, round((count(*) filter (where status = 'success'))::numeric / count(*), 4) as success_rate
    from history where type = 'tool' and end_time >= (select max(until) from keepwatch.retired_partitions) and end_time >= now() - interval '7 days'
    group by name`,
  'Who was hit by the failures of the last hour, where the code added `user_id`': `
    select metadata ->> 'user_id' as user_id, count(*) as failures, array(
        select distinct name from history as same where same.status = 'failure' and same.end_time >= now() - interval '1 hour'
          and same.metadata ->> 'user_id' = history.metadata ->> 'user_id' order by 1) as names
    from history where status = 'failure' and end_time >= now() - interval '1 hour' and metadata ->> 'user_id' is not null group by 1, 3`,
  'This hour against the same hour a day ago': `
    select name, avg(duration_ms) filter (where not is_old) as now_ms, avg(duration_ms) filter (where is_old) as a_day_ago_ms
    from (
      select *, false as is_old from history where end_time >= now() - interval '1 hour'
      union all
      select *, true from history where end_time >= now() - interval '25 hours' and end_time < now() - interval '24 hours'
    ) as both_hours group by name order by name`,
  'How far behind is the archive, process by process': `select 'shop' as service, 'shop:1' as instance, now() - timestamptz '2026-01-01 00:00:00+00' as behind,
      timestamptz '2026-01-02 00:00:00+00' as last_seen_at, false as closed`,
  'Do the counts agree': `select 7 as source_id, 'rest' as lane, 10 as recorded, 8 as archived, '{"ring_full":1}'::jsonb as dropped, true as agrees`,
  'Why was something not archived': `select '22P05' as sqlstate, 'no such character' as error, 1 as events, timestamptz '2026-01-03 00:00:00+00' as first_at`,
  'What was logged in one trace (only where pino writes to `keepwatch.logStream()`)': `
    select time, case level when 10 then 'trace' when 20 then 'debug' when 30 then 'info' when 40 then 'warn' when 50 then 'error' else 'fatal' end
      as level, logger, message, attributes
    from keepwatch.observability_logs where encode(uuid_send(trace_id), 'hex') = '0af7651916cd43dd8448eb211c80319c' order by time, id`,
  'Which loggers complain, by how much they do': `
    select service, logger, sum((level in (40, 50, 60))::int) as lines, sum((level = 60)::int) as fatal, max(time) filter (where level > 30) as last
    from keepwatch.observability_logs where now() - time <= interval '1 hour' group by 1, 2 having sum((level > 30)::int) > 0
    order by lines desc, service, logger`,
  'Lines with a word in them, the newest first': `
    select time, (array['trace','debug','info','warn','error','fatal'])[level / 10] as level, service, message, (attributes -> 'order')::text as "order"
    from keepwatch.observability_logs where now() - time <= interval '1 hour' and strpos(lower(message), 'refused') > 0 order by time desc, id desc`,
  'The errors of executions, with what was logged on the way': `
    select metrics.end_time, metrics.name, metrics.error, (array['trace','debug','info','warn','error','fatal'])[logs.level / 10] as level, logs.message
    from keepwatch.observability_metrics as metrics, keepwatch.observability_logs as logs
    where metrics.trace_id = logs.trace_id and metrics.status = 'failure' and now() - metrics.end_time <= interval '1 hour'
      and now() - logs.time <= interval '2 hours'`,
  'Cost per team, tenant, model and day, with the calls that had no price': `
    select day, team, tenant, model, (select sum(usd) from (select unnest(costs) as usd) as each_cost) as usd, nullif(calls - cardinality(costs), 0) as unpriced
    from (
      select to_timestamp(86400 * floor(extract(epoch from end_time) / 86400)) as day, labels ->> 'team' as team, metadata ->> 'tenant_id' as tenant,
        labels ->> 'model' as model, count(*) as calls, array_remove(array_agg((metadata -> 'cost_usd')::numeric), null) as costs
      from executions where type = 'llm' and ${RAW} and end_time >= now() - interval '7 days' group by 1, 2, 3, 4
    ) as spent order by day, team, tenant, model`,
  'What each team has spent today, and how it compares with yesterday': `
    select team, (select sum((metadata -> 'cost_usd')::numeric) from executions
        where type = 'llm' and labels ->> 'team' = team and end_time < now() and (end_time at time zone 'UTC')::date = (now() at time zone 'UTC')::date) as usd_today,
      (select sum((metadata -> 'cost_usd')::numeric) from executions
        where type = 'llm' and labels ->> 'team' = team and (end_time at time zone 'UTC')::date = (now() at time zone 'UTC')::date - 1) as usd_yesterday
    from (select distinct labels ->> 'team' as team from history where type = 'llm') as teams order by usd_today desc nulls last, team`,
  'What did each tenant and model cost this month, and how many calls have no price': `
    select metadata ->> 'tenant_id' as tenant, metadata ->> 'model' as model, sum(weight) as calls, sum(weight * (metadata ->> 'cost_usd')::numeric) as usd,
      coalesce(sum(weight) filter (where metadata ->> 'cost_usd' is null), 0) as unpriced
    from keepwatch.observability_metrics
    where type = 'llm' and end_time >= date_trunc('month', now(), 'UTC') and end_time < now()
    group by 1, 2
    order by usd desc nulls last, tenant, model`,
  'Tokens per day, cached ones apart': `
    select date_trunc('day', end_time, 'UTC') as day, sum(weight * (metadata ->> 'input_tokens')::numeric) as input,
      sum(weight * (metadata ->> 'cached_input_tokens')::numeric) as cached, sum(weight * (metadata ->> 'output_tokens')::numeric) as output
    from keepwatch.observability_metrics
    where type = 'llm' and end_time >= now() - interval '30 days' and end_time < now()
    group by 1
    order by 1`,
  'When did the slowest twentieth of streams begin, per model': `
    select metadata ->> 'model' as model,
      keepwatch.bucket_value(keepwatch.bucket_of(keepwatch.duration_us(percentile_disc(0.95) within group (order by (metadata ->> 'time_to_first_token_ms')::float8)))) / 1000 as p95_ms
    from keepwatch.observability_metrics cross join generate_series(1, weight)
    where metadata ? 'time_to_first_token_ms' and end_time >= now() - interval '7 days' and end_time < now()
    group by 1
    order by 1`,
  'How much of each budget is used, of its period so far (rules of the short form `budget` ask the same)': `
    select name, period, limit_usd, coalesce(usd, 0) as spent_usd, coalesce(usd, 0) / limit_usd as used
    from (values
      ('all', 'week', 5, (select sum((metadata -> 'cost_usd')::numeric) from executions
        where type = 'llm' and ${RAW} and end_time < now() and to_char(end_time at time zone 'UTC', 'IYYY-IW') = to_char(now() at time zone 'UTC', 'IYYY-IW'))),
      ('nobody', 'month', 1, null),
      ('team t1', 'day', 0.5, (select sum((metadata -> 'cost_usd')::numeric) from executions
        where type = 'llm' and labels ->> 'team' = 't1' and end_time < now()
          and (end_time at time zone 'Asia/Kolkata')::date = (now() at time zone 'Asia/Kolkata')::date))
    ) as budget (name, period, limit_usd, usd) order by used desc, name`,
  'Tokens of each model by bucket': `
    select labels ->> 'model' as model, key as bucket, sum(value::bigint) as tokens
    from executions, jsonb_each_text(metadata) where type = 'llm' and end_time >= now() - interval '1 day' and key ~ '(input|output|write|reasoning)_tokens$'
    group by 1, 2 order by 1, 2`,
  'Time to the first token of streamed answers, p50 and p95 of each model': `
    select labels ->> 'model' as model, count(*) as answers, (array_agg(first_ms order by first_ms))[ceil(0.5::float8 * count(*))] as p50_ms,
      (array_agg(first_ms order by first_ms))[ceil(0.95::float8 * count(*))] as p95_ms
    from (select labels, (metadata -> 'time_to_first_token_ms')::integer as first_ms from history
      where type = 'llm' and end_time >= now() - interval '1 day') as answer
    where first_ms is not null group by 1 order by model`,
  'What a run of each agent costs, with all that was called below it': `
    select name, count(*) as runs, avg((metadata -> 'cost_usd')::numeric) as avg_usd, max((metadata -> 'cost_usd')::numeric) as max_usd,
      sum((metadata -> 'total_tokens')::bigint) as tokens
    from (
      select agent.name, call.metadata from history as agent left join history as call on call.type = 'llm' and call.parent_span_id = agent.span_id
      where agent.type = 'agent' and agent.end_time >= now() - interval '1 hour'
    ) as run group by name order by runs desc, name`,
  'How often caches answer, each by itself': `
    select name as cache, sum((metadata -> 'hit')::boolean::integer) as hits, count(*) - sum((metadata -> 'hit')::boolean::integer) as misses,
      avg((metadata -> 'hit')::boolean::integer)::float8 as hit_ratio
    from executions where type = 'cache' and end_time >= now() - interval '1 day' group by name order by hit_ratio`,
  'Retries, and what share of the time they take': `
    select type, name, sum((tries > 1)::integer) as retries, sum(case when tries > 1 then duration_ms else 0 end) / sum(duration_ms) as share_of_time
    from (select *, coalesce((metadata -> 'attempt')::integer, 1) as tries from executions where end_time >= now() - interval '1 day') as tried
    group by type, name having max(tries) > 1 order by share_of_time desc`,
  'Daily active users, and what they did': `
    select day, (select count(*) from (select distinct metadata -> 'user_id' from history
        where metadata -> 'user_id' is not null and ${RAW} and (end_time at time zone 'UTC')::date = day::date and end_time >= now() - interval '7 days') as seen) as users,
      (select count(*) from executions where metadata -> 'user_id' is not null and ${RAW} and (end_time at time zone 'UTC')::date = day::date
        and end_time >= now() - interval '7 days') as executions
    from (select distinct date_trunc('day', end_time at time zone 'UTC') at time zone 'UTC' as day from history
      where ${RAW} and end_time >= now() - interval '7 days') as days order by day`,
  'Features, by who uses them': `
    select name as feature, count(*) as uses, (select count(*) from (select distinct metadata -> 'user_id' from history as same
        where same.name = executions.name and same.end_time >= now() - interval '1 day') as seen) as users, max(end_time) as last_used
    from executions where name in ('export', 'wishlist') and end_time >= now() - interval '1 day' group by name order by uses desc, feature`,
  'Sessions per day, and how long they last, from rollups': `
    select to_timestamp(86400 * floor(extract(epoch from end_time) / 86400)) as day, name as session_type, count(*) as sessions,
      ${TOTAL_MS} / ${ENDED} / 60000 as avg_minutes, ${quantile(0.95)} / 60000 as p95_minutes
    from executions where type = 'session' and ${since('30 days')} group by 1, 2 order by day, session_type`,
  'Records synced by each connector, for each tenant': `
    select labels ->> 'connector_type' as connector_type, 'posts' as resource_type, labels ->> 'tenant_id' as tenant, count(*) as syncs,
      nullif(${FAILURES}, 0) as failures, sum((metadata -> 'records')::bigint) as records
    from executions where name = 'sync_posts' and end_time >= now() - interval '1 day' group by 1, 2, 3 order by 1, 2, 3`,
  'Error rate of each connector by tenant, from rollups, for as long as they are kept': `
    select labels ->> 'connector_type' as connector_type, labels ->> 'tenant_id' as tenant, count(*) as operations, ${ERROR_RATE} as error_rate
    from executions where type = 'connector' and end_time >= date_trunc('day', now(), 'UTC') - interval '7 days' group by 1, 2
    order by error_rate desc nulls last, connector_type, tenant`,
  'The slowest step of each workflow, from rollups': `
    select workflow_id, step, runs, avg_ms from (
      select labels ->> 'workflow_id' as workflow_id, name as step, count(*) as runs, sum(us)::float8 / 1000 / count(*) as avg_ms,
        rank() over (partition by labels ->> 'workflow_id' order by avg(us) desc) as place
      from executions where type = 'workflow_step' and status <> 'aborted' and end_time >= date_trunc('day', now(), 'UTC') - interval '7 days' group by 1, 2
    ) as steps where place = 1 order by workflow_id`,
};
