// Workflow performance: runs, how they end, how long they take, and which steps that time goes to.
import { type Choice, matcherOf } from '../choices.ts';
import type { DashboardDefinition, Panel } from '../panel.ts';
import { rate, sum } from '../promql.ts';
import {
  BY_STATUS,
  type By,
  failedLast,
  failures,
  failuresBy,
  type Measured,
  mostTime,
  p95,
  p95By,
  perSecond,
  perSecondBy,
} from '../red-panels.ts';
import { chosenSteps } from '../rollup-sql.ts';

const STEPS = 'workflow_step_duration_seconds';
const WORKFLOWS: Choice = {
  name: 'workflow',
  title: 'Workflow',
  label: 'workflow_id',
  metric: 'workflow_executions_total',
  type: 'workflow',
};
const TENANTS: Choice = {
  name: 'tenant',
  title: 'Tenant',
  label: 'tenant_id',
  metric: 'workflow_executions_total',
  type: 'workflow',
};
const RUNS: Measured = {
  type: 'workflow',
  count: 'workflow_executions_total',
  duration: 'workflow_execution_duration_seconds',
  ...BY_STATUS,
  choices: [WORKFLOWS, TENANTS],
};
/** Steps do not know whom their workflow ran for. */
const OF_STEPS: Measured = {
  type: 'workflow_step',
  count: `${STEPS}_count`,
  duration: STEPS,
  ...BY_STATUS,
  choices: [WORKFLOWS],
};
const WORKFLOW: By = { label: 'workflow_id' };
const STATUS: By = { label: 'status' };
const STEP: By = { label: 'step' };

const runs: readonly Panel[] = [
  perSecond(RUNS, { title: 'Runs', description: 'Runs of workflows that ended, per second.', as: 'runs', width: 8, decimals: 3 }),
  failures(RUNS, { title: 'Failures', description: 'Share of runs that failed.', as: 'failures', width: 8 }),
  p95(RUNS, { title: 'Slowest 5 %', description: '95 of 100 runs took no longer.', width: 8 }),
  perSecondBy(RUNS, WORKFLOW, { title: 'Runs by workflow', description: 'Runs that ended, per second, by workflow.' }),
  perSecondBy(RUNS, STATUS, {
    title: 'Runs by how they ended',
    description: 'Runs per second by their end: success, failure, aborted.',
  }),
  failuresBy(RUNS, WORKFLOW, { title: 'Failures by workflow', description: 'Share of the runs of a workflow that failed.' }),
  p95By(RUNS, WORKFLOW, {
    title: 'Duration by workflow',
    description: '95 of 100 runs of a workflow took no longer.',
  }),
];

const stepsOfWorkflows: readonly Panel[] = [
  p95By(OF_STEPS, STEP, {
    title: 'Duration by step',
    description: '95 of 100 runs of a step took no longer.',
  }),
  {
    title: 'Where the time goes',
    description:
      'Seconds that steps took, per second: how many of them run at the same time on average. Those that were given up are left out.',
    kind: 'lines',
    unit: 'short',
    isStacked: true,
    min: 0,
    prometheus: [{ expr: sum(rate(`${STEPS}_sum`, OF_STEPS.ended, matcherOf(WORKFLOWS)), 'step'), legend: '{{step}}' }],
    postgres: [
      chosenSteps(
        { type: 'workflow_step', choices: [WORKFLOWS] },
        'value as metric, avg_ms / 1000 * per_second * (count - aborted) / count as busy',
        'step',
      ),
    ],
  },
  failuresBy(OF_STEPS, STEP, { title: 'Steps that fail', description: 'Share of the runs of a step that failed.' }),
  mostTime(OF_STEPS, 'step', 20, {
    title: 'Steps that cost the most time',
    description: 'Steps by all the time that they took within the range.',
  }),
  failedLast(RUNS, 'workflow', {
    title: 'Runs that failed last',
    description: 'The newest runs that failed on the last day of the range, each with its error and its trace.',
    width: 24,
    columns: "metadata ->> 'tenant_id' as tenant, ",
  }),
];

export const workflowPerformance: DashboardDefinition = {
  name: 'workflow-performance',
  title: 'Workflow performance',
  description: 'Runs of workflows, and their steps.',
  choices: [WORKFLOWS, TENANTS],
  rows: [
    { title: 'Runs', panels: runs },
    { title: 'Steps', panels: stepsOfWorkflows },
  ],
};
