// Business: who uses what, and what it costs, from rollups and usage for as long as they are kept. What only raw events know (users) is asked of one
// day, the last of the range.
import { type Choice, isChosen } from '../choices.ts';
import type { DashboardDefinition, Panel } from '../panel.ts';
import { BUDGETS } from '../panels/budgets.ts';
import { CHOSEN, LAST_DAY, OF_SERVICE, steps } from '../sql.ts';
import { usageBars, usageLabel, usageRows } from '../usage-sql.ts';

const TENANTS: Choice = { name: 'tenant', title: 'Tenant', label: 'tenant_id', metric: 'connector_operations_total' };
const OF_TENANT = isChosen(TENANTS, 'value');
const TENANT_OF_EVENT = isChosen(TENANTS, "metadata ->> 'tenant_id'");
const CALLS = { type: 'llm', choices: [TENANTS] } as const;
const SYNCS = { type: 'connector', choices: [TENANTS] } as const;

const summary: readonly Panel[] = [
  {
    title: 'Executions',
    description: 'Executions of all types within the range.',
    kind: 'stat',
    unit: 'short',
    width: 6,
    postgres: [
      `select $__timeTo()::timestamptz as time, sum(count)::float8 as executions
from keepwatch.measure(group_by => 'tenant_id', ${CHOSEN}, quantiles => '{}')
where ${OF_TENANT}`,
    ],
  },
  {
    title: 'Active users',
    description: 'Users for whom something ran on the last day of the range, where code says for whom (`user_id`).',
    kind: 'stat',
    unit: 'short',
    width: 6,
    postgres: [
      `select $__timeTo()::timestamptz as time, nullif(count(distinct metadata ->> 'user_id'), 0) as users
from keepwatch.observability_metrics
where ${LAST_DAY} and metadata ? 'user_id' and ${OF_SERVICE} and ${TENANT_OF_EVENT}`,
    ],
  },
  {
    title: 'Cost',
    description: 'US dollars within the range that calls to models cost. Calls without a known price are not in it.',
    kind: 'stat',
    unit: 'currencyUSD',
    width: 6,
    decimals: 2,
    postgres: [`select $__timeTo()::timestamptz as time, sum(cost_usd)::float8 as usd\nfrom ${usageRows(CALLS)}`],
  },
  {
    title: 'Records',
    description: 'Records within the range that syncs of connectors brought.',
    kind: 'stat',
    unit: 'short',
    width: 6,
    postgres: [`select $__timeTo()::timestamptz as time, sum(records)::float8 as records\nfrom ${usageRows(SYNCS)}`],
  },
];

const usage: readonly Panel[] = [
  {
    title: 'Use by tenant',
    description: 'Executions per second of each tenant: operations of connectors and runs of workflows.',
    kind: 'bars',
    unit: 'reqps',
    isStacked: true,
    postgres: [tenantSteps('per_second')],
  },
  {
    title: 'Failures by tenant',
    description: 'Share of the executions of a tenant that failed.',
    kind: 'lines',
    unit: 'percentunit',
    min: 0,
    max: 1,
    postgres: [tenantSteps('error_rate')],
  },
  {
    title: 'Tenants',
    description: 'What each tenant had run within the range, and how it went.',
    kind: 'table',
    unit: 'none',
    columnUnits: { failed: 'percentunit', p95: 's', seconds: 's' },
    postgres: [
      `select value as tenant, count, failures, failures::float8 / nullif(count - aborted, 0) as failed, quantiles_us[1] / 1000000 as p95,
  (total_us / 1000000)::float8 as seconds
from keepwatch.measure(group_by => 'tenant_id', ${CHOSEN}, quantiles => '{0.95}')
where value <> '' and ${OF_TENANT}
order by count desc, value
limit 100`,
    ],
  },
  {
    title: 'Records by connector',
    description: 'Records within the range that syncs brought.',
    kind: 'table',
    unit: 'none',
    postgres: [
      `select ${usageLabel('connector_type')} as connector, ${usageLabel('resource_type')} as resource, ${usageLabel('tenant_id')} as tenant,
  sum(records)::float8 as records
from ${usageRows(SYNCS, 'records is not null')}
group by 1, 2, 3
order by records desc
limit 100`,
    ],
  },
  {
    title: 'Users by hour',
    description: 'Users for whom something ran, hour by hour, on the last day of the range.',
    kind: 'bars',
    unit: 'short',
    min: 0,
    postgres: [
      `select date_trunc('hour', end_time, 'UTC') as time, count(distinct metadata ->> 'user_id') as users
from keepwatch.observability_metrics
where ${LAST_DAY} and metadata ? 'user_id' and ${OF_SERVICE} and ${TENANT_OF_EVENT}
group by 1
order by 1`,
    ],
  },
  {
    title: 'Features',
    description: 'How often each feature was used within the range, by all tenants.',
    kind: 'table',
    unit: 'none',
    postgres: [
      `select value as feature, count as uses
from keepwatch.per_label('feature', 'custom', ${CHOSEN})
where value <> ''
limit 100`,
    ],
  },
  {
    title: 'Sessions',
    description: 'Sessions of users that ended, per second, by type, of all tenants.',
    kind: 'bars',
    unit: 'reqps',
    isStacked: true,
    postgres: [steps('session', 'value as metric, per_second', 'name')],
  },
];

const cost: readonly Panel[] = [
  {
    title: 'Cost by tenant, team, model and feature',
    description:
      'US dollars and tokens of calls to models within the range, by what code says of them; empty: nothing. `unpriced` calls are in no sum.',
    kind: 'table',
    unit: 'none',
    width: 24,
    columnUnits: { usd: 'currencyUSD' },
    postgres: [
      `select ${usageLabel('tenant_id')} as tenant, ${usageLabel('team')} as team, ${usageLabel('model')} as model, ${usageLabel('feature')} as feature,
  sum(count)::float8 as calls, sum(cost_usd)::float8 as usd, sum(count - priced)::float8 as unpriced, sum(total_tokens)::float8 as tokens
from ${usageRows(CALLS)}
group by 1, 2, 3, 4
order by usd desc nulls last
limit 100`,
    ],
  },
  costBy('model'),
  costBy('team'),
  BUDGETS,
  {
    title: 'Calls by team',
    description: 'Calls to models that ended, per second, by the team that pays, of all tenants.',
    kind: 'lines',
    unit: 'reqps',
    isStacked: true,
    postgres: [steps('llm', "coalesce(value, '') as metric, per_second", 'team')],
  },
];

function tenantSteps(column: string): string {
  return steps(undefined, `value as metric, ${column}`, 'tenant_id', `value <> '' and ${OF_TENANT}`);
}

function costBy(label: string): Panel {
  return {
    title: `Cost by ${label}`,
    description: `US dollars that calls cost, by ${label}: of an hour each, or of a day (UTC) where the range is longer than two.`,
    kind: 'bars',
    unit: 'currencyUSD',
    isStacked: true,
    postgres: [usageBars(CALLS, 'cost_usd', 'usd', usageLabel(label))],
  };
}

export const business: DashboardDefinition = {
  name: 'business',
  title: 'Business',
  description: 'Who uses what, and what it costs.',
  from: 'now-24h',
  choices: [TENANTS],
  rows: [
    { title: 'Summary', panels: summary },
    { title: 'Use', panels: usage },
    { title: 'Cost', panels: cost },
  ],
};
