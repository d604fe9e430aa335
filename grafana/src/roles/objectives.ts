// Objectives (SLOs): what is left of each error budget, how fast it burns against what pages, and what is declared beside code. From the rules in
// grafana/prometheus/rules/slo.yml, which Prometheus has to have loaded.
import type { DashboardDefinition, Panel, Threshold } from '../panel.ts';
import { orZero, type RecordedName, recorded } from '../promql.ts';
import { SERVICE, steps } from '../sql.ts';

const LEGEND = '{{job}} {{slo}}';
const OBJECTIVE = 'slo:objective:ratio';
const LEFT_OVER = `1 - ${orZero(recorded('slo:errors:rate5m'), recorded('slo:requests:rate5m'))} / ${recorded('slo:requests:rate5m')}`;

/** What was lost over 30 days, as a share of what may be. */
function spentOf(days: number): string {
  const over = (name: RecordedName) => `avg_over_time(${recorded(name)}[${days}d])`;
  return `${over('slo:errors:rate5m')} / ${over('slo:requests:rate5m')} / on (slo) group_left () (1 - ${OBJECTIVE})`;
}

/** Two windows that have to burn together before anybody is told. */
function burning(title: string, windows: readonly [RecordedName, RecordedName], factor: number, what: string): Panel {
  const threshold: Threshold = { from: factor, color: 'red' };
  return {
    title,
    description: `How many times too fast error budgets burn: ${what} when both windows are above ${factor}.`,
    kind: 'lines',
    unit: 'short',
    min: 0,
    thresholds: [threshold],
    showsThresholds: true,
    prometheus: windows.map((name) => ({ expr: recorded(name), legend: `${LEGEND} ${name.slice(name.lastIndexOf(':') + 1)}` })),
  };
}

const now: readonly Panel[] = [
  {
    title: 'Kept now',
    description: 'Share of the requests of the last five minutes that met the objective.',
    kind: 'stat',
    unit: 'percentunit',
    width: 8,
    decimals: 3,
    min: 0,
    max: 1,
    lowest: 'red',
    thresholds: [
      { from: 0.99, color: 'yellow' },
      { from: 0.999, color: 'green' },
    ],
    prometheus: [{ expr: LEFT_OVER, legend: LEGEND }],
  },
  {
    title: 'Budget left',
    description: 'What is left of the error budget of 30 days, or of as many as Prometheus keeps; 0 when all of it is spent.',
    kind: 'stat',
    unit: 'percentunit',
    width: 8,
    decimals: 1,
    min: 0,
    max: 1,
    lowest: 'red',
    thresholds: [
      { from: 0.1, color: 'orange' },
      { from: 0.5, color: 'green' },
    ],
    prometheus: [{ expr: `clamp_min(1 - ${spentOf(30)}, 0)`, legend: LEGEND, isInstant: true }],
  },
  {
    title: 'Objectives',
    description: 'The share of requests that has to be answered, and answered within a second.',
    kind: 'stat',
    unit: 'percentunit',
    width: 8,
    decimals: 2,
    min: 0,
    max: 1,
    prometheus: [{ expr: OBJECTIVE, legend: '{{slo}}', isInstant: true }],
  },
  {
    title: 'Requests',
    description: 'Requests per second that objectives are about.',
    kind: 'lines',
    unit: 'reqps',
    min: 0,
    prometheus: [{ expr: recorded('slo:requests:rate5m'), legend: LEGEND }],
  },
  {
    title: 'Requests that missed',
    description: 'Requests per second that missed an objective: failed, or took longer than a second.',
    kind: 'lines',
    unit: 'reqps',
    min: 0,
    prometheus: [{ expr: recorded('slo:errors:rate5m'), legend: LEGEND }],
  },
];

const burn: readonly Panel[] = [
  burning('Burns fast', ['slo:burn_rate:1h', 'slo:burn_rate:5m'], 14.4, 'SloBurnsFast pages'),
  burning('Burns', ['slo:burn_rate:6h', 'slo:burn_rate:30m'], 6, 'SloBurns pages'),
  burning('Burns slowly', ['slo:burn_rate:1d', 'slo:burn_rate:2h'], 3, 'SloBurnsSlowly opens a ticket'),
  burning('Budget spent', ['slo:burn_rate:3d', 'slo:burn_rate:6h'], 1, 'SloBudgetSpent opens a ticket'),
];

const latency: readonly Panel[] = [
  {
    title: 'Duration',
    description: '95 of 100 requests of a job took no longer, over five minutes.',
    kind: 'lines',
    unit: 's',
    min: 0,
    prometheus: [{ expr: recorded('job:http_request_duration_seconds:p95_5m'), legend: '{{job}}' }],
  },
  {
    title: 'Duration by route',
    description: '95 of 100 requests of a route took no longer, over five minutes.',
    kind: 'lines',
    unit: 's',
    min: 0,
    prometheus: [
      { expr: `max by (http_route) (${recorded('job_route:http_request_duration_seconds:p95_5m')})`, legend: '{{http_route}}' },
    ],
  },
  {
    title: 'Requests that were answered, in history',
    description: 'Share of the requests that did not fail, step by step, for as long as rollups are kept.',
    kind: 'lines',
    unit: 'percentunit',
    max: 1,
    postgres: [steps('api', '1 - error_rate as answered')],
  },
  {
    title: 'Targets beside code',
    description: 'How fast executions have to be as their code declares, and how fast they were within the range.',
    kind: 'table',
    unit: 'none',
    columnUnits: { limit: 's', measured: 's', used: 'percentunit' },
    postgres: [
      `select targets.service, targets.type, targets.name, targets.quantile, targets.limit_ms / 1000 as limit,
  measured.quantiles_us[1] / 1e6 as measured, measured.quantiles_us[1] / 1000 / targets.limit_ms as used, measured.count
from keepwatch.targets
cross join lateral keepwatch.measure($__timeFrom(), $__timeTo(), targets.type, targets.name, targets.service, 'all',
  quantiles => array[targets.quantile]) as measured
where targets.last_seen_at > now() - interval '7 days' and (${SERVICE}::text is null or targets.service = ${SERVICE})
order by used desc nulls last
limit 50`,
    ],
  },
];

export const objectives: DashboardDefinition = {
  name: 'slo',
  title: 'Objectives (SLOs)',
  description: 'What is left of each error budget, how fast it burns, and targets that code declares.',
  from: 'now-6h',
  rows: [
    { title: 'Now', panels: now },
    { title: 'Burn rates', panels: burn },
    { title: 'Latency and history', panels: latency },
  ],
};
