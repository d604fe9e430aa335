// Connector health: what is up, how often operations fail and how long they take, and what syncs bring.
import { type Choice, matcherOf } from '../choices.ts';
import type { DashboardDefinition, Panel } from '../panel.ts';
import { of, rate, sum } from '../promql.ts';
import {
  BY_STATUS,
  type By,
  failures,
  failuresBy,
  type Measured,
  mostTime,
  p95By,
  perSecond,
  perSecondBy,
} from '../red-panels.ts';
import { chosenSteps } from '../rollup-sql.ts';
import { LAST_DAY, rawRows } from '../sql.ts';
import { usageRate } from '../usage-sql.ts';

const METRIC = 'connector_operations_total';
const CHOICES: readonly Choice[] = [
  { name: 'connector', title: 'Connector', label: 'connector_type', metric: METRIC, type: 'connector' },
  { name: 'tenant', title: 'Tenant', label: 'tenant_id', metric: METRIC, type: 'connector' },
];
const CHOSEN = CHOICES.map(matcherOf);
const OPERATIONS: Measured = {
  type: 'connector',
  count: METRIC,
  duration: 'connector_operation_duration_seconds',
  ...BY_STATUS,
  choices: CHOICES,
};
const CONNECTOR: By = { label: 'connector_type' };
const TENANT: By = { label: 'tenant_id' };
const OPERATION: By = { label: 'operation' };

const now: readonly Panel[] = [
  {
    title: 'Connectors up',
    description:
      'Connectors that work, of those that were used: as the app says, else as their last operation ended (in Postgres, that of the last day of the range).',
    kind: 'stat',
    unit: 'percentunit',
    width: 8,
    min: 0,
    max: 1,
    prometheus: [{ expr: `avg(${of('connector_up', ...CHOSEN)})` }],
    postgres: [
      `select now() as time, avg((status = 'success')::int)::float8 as up
from (
  select distinct on (service, metadata ->> 'connector_type', metadata ->> 'tenant_id') status
  from keepwatch.observability_metrics
  where ${rawRows('connector', `status <> 'aborted'`, CHOICES, LAST_DAY)}
  order by service, metadata ->> 'connector_type', metadata ->> 'tenant_id', end_time desc
) as last`,
    ],
  },
  perSecond(OPERATIONS, {
    title: 'Operations',
    description: 'Operations of connectors that ended, per second, syncs included.',
    as: 'operations',
    width: 8,
  }),
  failures(OPERATIONS, { title: 'Failures', description: 'Share of operations that failed.', as: 'failures', width: 8 }),
];

const operations: readonly Panel[] = [
  {
    title: 'Up or down',
    description: 'Each connector of each tenant: 1 works, 0 does not.',
    kind: 'lines',
    unit: 'none',
    min: 0,
    max: 1,
    prometheus: [
      {
        expr: `min by (connector_type, tenant_id) (${of('connector_up', ...CHOSEN)})`,
        legend: '{{connector_type}} {{tenant_id}}',
      },
    ],
  },
  perSecondBy(OPERATIONS, CONNECTOR, {
    title: 'Operations by connector',
    description: 'Operations that ended, per second, by kind of connector.',
  }),
  failuresBy(OPERATIONS, CONNECTOR, {
    title: 'Failures by connector',
    description: 'Share of the operations of a kind of connector that failed.',
  }),
  failuresBy(OPERATIONS, TENANT, {
    title: 'Failures by tenant',
    description: 'Share of the operations for a tenant that failed.',
  }),
  p95By(OPERATIONS, OPERATION, {
    title: 'Duration by operation',
    description: '95 of 100 operations took no longer, by operation.',
  }),
  p95By(OPERATIONS, CONNECTOR, {
    title: 'Duration by connector',
    description: '95 of 100 operations of a kind of connector took no longer.',
  }),
  {
    title: 'What fails',
    description: 'Errors of the last day of the range, numbers and ids left out, by how often, with an example.',
    kind: 'table',
    unit: 'none',
    width: 24,
    traceColumn: 'trace_id',
    postgres: [
      `select name as operation, metadata ->> 'connector_type' as connector, keepwatch.error_fingerprint(error) as error, count(*) as count,
  max(end_time) as last, encode(uuid_send((array_agg(trace_id order by end_time desc) filter (where trace_id is not null))[1]), 'hex') as trace_id
from keepwatch.observability_metrics
where ${rawRows('connector', `status = 'failure'`, CHOICES, LAST_DAY)}
group by 1, 2, 3
order by count desc
limit 20`,
    ],
  },
];

const syncs: readonly Panel[] = [
  {
    title: 'Records',
    description: 'Records that syncs brought, per second, by what they are.',
    kind: 'lines',
    unit: 'short',
    isStacked: true,
    prometheus: [
      {
        expr: sum(rate('connector_sync_records_total', ...CHOSEN), 'connector_type', 'resource_type'),
        legend: '{{connector_type}} {{resource_type}}',
      },
    ],
    postgres: [
      usageRate({ type: 'connector', choices: CHOICES }, 'records', 'records', {
        by: "concat_ws(' ', labels ->> 'connector_type', labels ->> 'resource_type')",
      }),
    ],
  },
  {
    title: 'Syncs',
    description: 'Syncs that ended, per second, by what they bring.',
    kind: 'lines',
    unit: 'reqps',
    isStacked: true,
    prometheus: [{ expr: sum(rate('connector_sync_operations_total', ...CHOSEN), 'resource_type'), legend: '{{resource_type}}' }],
    postgres: [
      chosenSteps({ type: 'connector', choices: CHOICES }, 'value as metric, per_second', 'resource_type', "value <> ''"),
    ],
  },
  mostTime(OPERATIONS, 'operation', 20, {
    title: 'Operations that cost the most time',
    description: 'Operations by all the time that they took within the range.',
    width: 24,
  }),
];

export const connectorHealth: DashboardDefinition = {
  name: 'connector-health',
  title: 'Connector health',
  description: 'Operations of connectors and their syncs.',
  choices: CHOICES,
  rows: [
    { title: 'Now', panels: now },
    { title: 'Operations', panels: operations },
    { title: 'Syncs', panels: syncs },
  ],
};
