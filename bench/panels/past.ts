// Thirty days of everything that dashboards ask for, made in Postgres: requests, queries, caches, tools, models, agents, connectors, workflows
// and steps of two services, with their rollups and usage, evaluations of rules and budgets. Rows stand in the order in which they ended.
import { Lease } from '../../src/archive/maintenance/lease.ts';
import { closeDays } from '../../src/archive/rollups/close-days.ts';
import { closeUsage } from '../../src/archive/rollups/usage.ts';
import type { Database } from '../../src/db/database.ts';
import { writeRollups } from '../write-rollups.ts';

const DAYS = 30;
/** How long evaluations of rules are kept, and of how many rules they are, each a minute apart. */
const EVALUATIONS = { days: 7, rules: 10 };

export interface PanelsPast {
  readonly rows: number;
  /** The end of it, a whole hour. */
  readonly until: Date;
}

/** Every series, and its share of all events; those of a type have the same. */
const SERIES = `
  create unlogged table bench_series as
  with kind (type, share, typical_ms) as (values ('api', 0.5, 20), ('db', 0.2, 2), ('cache', 0.08, 0.3), ('tool', 0.06, 80), ('llm', 0.05, 1200),
    ('agent', 0.03, 2500), ('connector', 0.04, 250), ('workflow', 0.01, 6000), ('workflow_step', 0.03, 1500)),
  member (type, name, labels) as (
    select 'api', method || ' /things/' || n, jsonb_build_object('http_request_method', method, 'http_route', '/things/' || n,
      'http_response_status_code', code)
    from (values ('GET'), ('POST')) as methods (method), generate_series(1, 20) as n, (values ('200'), ('404')) as codes (code)
    union all select 'db', 'query_' || n, '{}' from generate_series(1, 30) as n
    union all select 'cache', 'cache_' || n, '{}' from generate_series(1, 5) as n
    union all select 'tool', 'tool_' || n, '{}' from generate_series(1, 12) as n
    union all select 'llm', 'chat', jsonb_build_object('provider', 'provider ' || m % 2, 'model', 'model ' || m, 'team', 'team ' || t)
    from generate_series(1, 6) as m, generate_series(1, 4) as t
    union all select 'agent', 'agent_' || n, jsonb_build_object('agent_id', 'agent_' || n, 'workspace', 'workspace ' || w)
    from generate_series(1, 8) as n, generate_series(1, 4) as w
    union all select 'connector', operation, jsonb_build_object('connector_type', 'connector ' || c, 'tenant_id', 'tenant ' || t)
      || case operation when 'sync_posts' then '{"resource_type": "posts"}'::jsonb else '{}' end
    from (values ('get_posts'), ('write_post'), ('sync_posts')) as operations (operation), generate_series(1, 6) as c, generate_series(1, 8) as t
    union all select 'workflow', 'workflow_' || n, jsonb_build_object('tenant_id', 'tenant ' || t)
    from generate_series(1, 6) as n, generate_series(1, 8) as t
    union all select 'workflow_step', 'step_' || n, jsonb_build_object('workflow_id', 'workflow_' || 1 + n % 6) from generate_series(1, 24) as n
  )
  select row_number() over ()::integer as no, keepwatch.series_id(service, type, name, labels) as series_id, service, type, name, labels,
    typical_ms, share / count(*) over (partition by type) as share
  from member join kind using (type) cross join (values ('chat-api'), ('shop')) as services (service)`;
const PICKS = `
  create unlogged table bench_picks as
  select (row_number() over (order by no, n))::integer - 1 as pick, no from bench_series, generate_series(1, ceil(share * 20000)::integer) as n`;

const RAW = `
  insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, trace_id, name, type, status, service, span_id, error, metadata)
  select gen_random_uuid(), end_time - duration_ms * interval '1 millisecond', end_time, duration_ms, no, md5('trace ' || i / 4)::uuid, name, type, status,
    service, substring(uuid_send(gen_random_uuid()) for 8), case status when 'failure' then 'TimeoutError: no answer after ' || i % 9000 || ' ms' end,
    labels || case type
      when 'llm' then jsonb_build_object('input_tokens', i % 900, 'cached_input_tokens', i % 400, 'output_tokens', i % 300,
        'total_tokens', i % 900 + i % 400 + i % 300, 'cost_usd', (i % 9973) / 1000000.0, 'time_to_first_token_ms', 50 + i % 700, 'tenant_id', 'tenant ' || i % 8)
      when 'connector' then case name when 'sync_posts' then jsonb_build_object('records', i % 250) else '{}' end
      else jsonb_build_object('user_id', 'user ' || i % 5000) end
  from (
    select i, bench_series.*, typical_ms * exp(sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())) as duration_ms,
      case when chance < 0.02 then 'failure' when chance < 0.025 then 'aborted' else 'success' end as status,
      $<until>::timestamptz - interval '1 microsecond' - interval '${DAYS} days' * (1 - i::float8 / $<rows>) as end_time
    from (
      select i, random() as chance, floor(random() * (select count(*) from bench_picks))::integer as pick
      from generate_series($<first>::bigint, $<last>::bigint) as i
    ) as drawn
    join bench_picks using (pick)
    join bench_series using (no)
  ) as timed`;

/** Source ids are numbers of series. */
const COUNTED = `
  create unlogged table counted as
  select date_trunc('minute', end_time, 'UTC') as minute, source_id::integer as no, status, keepwatch.bucket_of(keepwatch.duration_us(duration_ms)) as bucket,
    count(*) as count, sum(keepwatch.duration_us(duration_ms)) as sum_us, min(keepwatch.duration_us(duration_ms)) as min_us,
    max(keepwatch.duration_us(duration_ms)) as max_us
  from keepwatch.observability_metrics
  group by 1, 2, 3, 4`;
const REST = `
  insert into keepwatch.sources (source_id, service, instance, started_at, low_watermark)
  select n, service, service || ':' || n, now(), now() from unnest(array['chat-api', 'shop']) with ordinality as services (service, n);
  insert into keepwatch.alert_evaluation (rule_uid, group_name, rule, slot, duration_ms, series, outcome)
  select 'rule ' || n, 'bench', 'rule ' || n, slot, 5, 10, case when random() < 0.01 then 'error' else 'ok' end
  from generate_series($<until>::timestamptz - interval '${EVALUATIONS.days} days', $<until>::timestamptz - interval '1 minute', '1 minute') as slot,
    generate_series(1, ${EVALUATIONS.rules}) as n;
  insert into keepwatch.budgets (name, scope, period, limit_usd)
  values ('all', '{}', 'month', 1e6), ('a team', '{"team": "team 1"}', 'month', 1e5), ('a day', '{}', 'day', 1e5)`;

/** Fills an empty, migrated archive; two connections write at once. */
export async function createPanelsPast(
  database: Database,
  { rows, until }: PanelsPast,
  progress: (text: string) => void,
): Promise<void> {
  const begin = `$<until>::timestamptz - interval '${DAYS} days'`;
  await database.any(
    `select keepwatch.ensure_partitions(${begin}, $<until>), keepwatch.ensure_rollup_partitions(${begin}, $<until>)`,
    { until },
  );
  await database.none(SERIES);
  await database.none(PICKS);
  await database.multi('analyze bench_series; analyze bench_picks');
  await database.none(`insert into keepwatch.observability_series (series_id, service, type, name, labels)
    select series_id, service, type, name, labels from bench_series`);
  progress(`panels: ${rows.toLocaleString('en')} raw rows`);
  const half = Math.floor(rows / 2);
  await Promise.all([
    database.none(RAW, { rows, until, first: 1, last: half }),
    database.none(RAW, { rows, until, first: half + 1, last: rows }),
  ]);
  progress('panels: rollups');
  await database.task(async (task) => {
    await task.none(`set work_mem = '512MB'`);
    await task.none(COUNTED);
    await task.none('analyze counted');
    await writeRollups(task, 'counted join bench_series using (no)');
    await task.none('drop table counted');
    await task.none('reset work_mem');
  });
  progress('panels: closing days and hours of usage');
  const lease = new Lease({ database, name: 'rollups', holder: 'bench', seconds: 600 });
  const run = { database, lease, shouldStop: () => false };
  while ((await closeDays({ ...run, daysAtOnce: 1000 })) > 0);
  await closeUsage({ ...run, busyMs: 3_600_000 });
  await lease.release();
  await database.multi(REST, { until });
  progress('panels: vacuum');
  for (const table of [
    'observability_metrics',
    'observability_series',
    'rollup_minutes',
    'rollup_hours',
    'rollup_days',
    'usage_hours',
    'alert_evaluation',
  ])
    await database.none(`vacuum analyze keepwatch.${table}`);
}
