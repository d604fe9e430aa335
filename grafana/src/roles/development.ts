// Development: which code is slow, which fails and how, what it tries again, and the statements and caches below it.
import { type Choice, isChosen } from '../choices.ts';
import type { DashboardDefinition, Panel } from '../panel.ts';
import { added, rate, share, sum } from '../promql.ts';
import { BY_STATUS, failuresBy, type Measured, mostTime, p95By, perSecondBy } from '../red-panels.ts';
import { CHOSEN, CHOSEN_DAYS, LAST_DAY, LAST_DAY_BEGIN, OF_SERVICE, SERVICE, steps } from '../sql.ts';

const QUERIES: Measured = {
  type: 'db',
  count: 'db_query_duration_seconds_count',
  duration: 'db_query_duration_seconds',
  ...BY_STATUS,
};
const QUERY = { label: 'query_name', group: 'name' } as const;
const HITS = sum(rate('cache_hits_total'), 'cache');
const TYPES: Choice = { name: 'type', title: 'Type', label: 'type', metric: 'retries_total' };
const OF_TYPE = isChosen(TYPES, 'type');
const AVERAGE = '(total_us / nullif(count - aborted, 0) / 1000000)::float8 as average';
const FAILED = 'failures::float8 / nullif(count - aborted, 0) as failed';

const code: readonly Panel[] = [
  {
    title: 'Slowest',
    description:
      'Names by the time that 95 of 100 of their executions stay within. A range of more than a week is taken from the begin of its first day (UTC).',
    kind: 'table',
    unit: 'none',
    columnUnits: { p95: 's', average: 's', failed: 'percentunit' },
    postgres: [
      `select service, type, name, count, quantiles_us[1] / 1000000 as p95, ${AVERAGE}, failures, ${FAILED}
from keepwatch.measure(${CHOSEN_DAYS}, quantiles => '{0.95}')
where ${OF_TYPE}
order by p95 desc nulls last, count desc, service, type, name
limit 20`,
    ],
  },
  {
    title: 'Most failing',
    description: 'Names by the share of their executions that failed.',
    kind: 'table',
    unit: 'none',
    columnUnits: { average: 's', failed: 'percentunit' },
    postgres: [
      `select service, type, name, count, ${AVERAGE}, failures, ${FAILED}
from keepwatch.measure(${CHOSEN})
where failures > 0 and ${OF_TYPE}
order by failed desc, count desc, service, type, name
limit 20`,
    ],
  },
  {
    title: 'Executions by type',
    description: 'Executions of any type that ended, per second.',
    kind: 'lines',
    unit: 'reqps',
    isStacked: true,
    postgres: [steps(undefined, 'value as metric, per_second', 'type')],
  },
  {
    title: 'Failures by type',
    description: 'Share of the executions of a type that failed.',
    kind: 'lines',
    unit: 'percentunit',
    min: 0,
    max: 1,
    postgres: [steps(undefined, 'value as metric, error_rate', 'type')],
  },
];

const errors: readonly Panel[] = [
  {
    title: 'Errors',
    description: 'Errors of the last day of the range, numbers and ids left out, by how often; the trace is that of the newest.',
    kind: 'table',
    unit: 'none',
    width: 24,
    traceColumn: 'trace_id',
    postgres: [
      `select fingerprint as error, service, type, name, count, first_seen, last_seen, example_trace_id as trace_id
from keepwatch.error_fingerprints(n => 1000, service => ${SERVICE}, from_time => ${LAST_DAY_BEGIN}, to_time => $__timeTo())
where ${OF_TYPE}
limit 50`,
    ],
  },
  {
    title: 'Newest failures',
    description: 'Executions that failed last, on the last day of the range, each with its error and its trace.',
    kind: 'table',
    unit: 'none',
    width: 24,
    columnUnits: { seconds: 's' },
    traceColumn: 'trace_id',
    postgres: [
      `select end_time as time, service, type, name, duration_ms / 1000 as seconds, error, trace_id
from keepwatch.events
where ${LAST_DAY} and status = 'failure' and ${OF_SERVICE} and ${OF_TYPE}
order by end_time desc
limit 50`,
    ],
  },
  {
    title: 'Tried again',
    description: 'Executions per second that were another attempt at the same work, by name.',
    kind: 'lines',
    unit: 'reqps',
    isStacked: true,
    prometheus: [{ expr: sum(rate('retries_total'), 'type', 'name'), legend: '{{type}} {{name}}' }],
  },
  {
    title: 'Given up by callers',
    description: 'Executions per second that were aborted, by a client that went away for example.',
    kind: 'lines',
    unit: 'reqps',
    isStacked: true,
    postgres: [steps(undefined, 'value as metric, aborted * per_second / count as aborted', 'type')],
  },
];

const below: readonly Panel[] = [
  perSecondBy(QUERIES, QUERY, { title: 'Queries by statement', description: 'Queries that ended, per second.' }),
  p95By(QUERIES, QUERY, { title: 'Duration by statement', description: '95 of 100 queries of a statement took no longer.' }),
  failuresBy(QUERIES, QUERY, { title: 'Failures by statement', description: 'Share of the queries of a statement that failed.' }),
  mostTime(QUERIES, 'query', 20, {
    title: 'Statements that cost the most time',
    description: 'Statements by all the time that their queries took within the range.',
  }),
  {
    title: 'Cache hits',
    description: 'Share of the lookups of a cache that found something.',
    kind: 'lines',
    unit: 'percentunit',
    min: 0,
    max: 1,
    prometheus: [
      {
        expr: share(HITS, added(HITS, sum(rate('cache_misses_total'), 'cache'))),
        legend: '{{cache}}',
      },
    ],
  },
];

export const development: DashboardDefinition = {
  name: 'development',
  title: 'Development',
  description: 'Which code is slow, which fails and how, and the statements below it.',
  choices: [TYPES],
  rows: [
    { title: 'Code', panels: code },
    { title: 'Errors', panels: errors },
    { title: 'Queries and caches', panels: below },
  ],
};
