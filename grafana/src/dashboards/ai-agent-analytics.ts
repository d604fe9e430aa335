// AI agent analytics: runs of agents, calls to models, their tokens and what they cost, tools.
import { type Choice, matcherOf } from '../choices.ts';
import type { DashboardDefinition, Panel } from '../panel.ts';
import { BUDGETS } from '../panels/budgets.ts';
import { quantile, rate, sum } from '../promql.ts';
import {
  BY_STATUS,
  type By,
  failures,
  failuresBy,
  type Measured,
  p95,
  p95By,
  perSecond,
  perSecondBy,
  slowest,
} from '../red-panels.ts';
import { firstTokenP95, tokenRates, usageLabel, usageRate } from '../usage-sql.ts';

const COST = 'llm_cost_usd_total';
const AGENTS: Choice = { name: 'agent', title: 'Agent', label: 'agent_id', metric: 'agent_execution_total', type: 'agent' };
const MODELS: Choice = { name: 'model', title: 'Model', label: 'model', metric: 'llm_requests_total', type: 'llm' };
const OF_MODELS = matcherOf(MODELS);
const RUNS: Measured = {
  type: 'agent',
  count: 'agent_execution_total',
  duration: 'agent_execution_duration_seconds',
  ...BY_STATUS,
  choices: [AGENTS],
};
const CALLS: Measured = {
  type: 'llm',
  count: 'llm_requests_total',
  duration: 'llm_request_duration_seconds',
  ...BY_STATUS,
  choices: [MODELS],
};
const TOOLS: Measured = { type: 'tool', count: 'tool_calls_total', duration: 'tool_call_duration_seconds', ...BY_STATUS };
const AGENT: By = { label: 'agent_id' };
const MODEL: By = { label: 'model' };
const TOOL: By = { label: 'tool_name', group: 'name' };
const SECONDS_AN_HOUR = 3600;

const CALLED = { type: 'llm', choices: [MODELS] } as const;

const agents: readonly Panel[] = [
  perSecond(RUNS, { title: 'Runs', description: 'Runs of agents that ended, per second.', as: 'runs', width: 6, decimals: 3 }),
  failures(RUNS, { title: 'Failures', description: 'Share of the runs of agents that failed.', as: 'failures', width: 6 }),
  p95(RUNS, { title: 'Slowest 5 % of runs', description: '95 of 100 runs of agents took no longer.', width: 6 }),
  {
    title: 'Cost of an hour',
    description:
      'US dollars that calls to models cost in an hour, at the rate of now. Calls without a known price are not in it.',
    kind: 'stat',
    unit: 'currencyUSD',
    width: 6,
    decimals: 2,
    prometheus: [{ expr: `${sum(rate(COST, OF_MODELS))} * ${SECONDS_AN_HOUR}` }],
    postgres: [usageRate(CALLED, 'cost_usd', 'usd', { seconds: SECONDS_AN_HOUR })],
  },
  perSecondBy(RUNS, AGENT, { title: 'Runs by agent', description: 'Runs of agents that ended, per second.' }),
  p95By(RUNS, AGENT, {
    title: 'Duration by agent',
    description: '95 of 100 runs of an agent took no longer.',
  }),
];

const models: readonly Panel[] = [
  perSecondBy(CALLS, MODEL, { title: 'Calls by model', description: 'Calls to models that ended, per second.' }),
  failuresBy(CALLS, MODEL, { title: 'Failures by model', description: 'Share of the calls to a model that failed.' }),
  p95By(CALLS, MODEL, {
    title: 'Duration by model',
    description: '95 of 100 calls to a model took no longer.',
  }),
  {
    title: 'Time to first token',
    description: '95 of 100 streams of a model began no later.',
    kind: 'lines',
    unit: 's',
    min: 0,
    prometheus: [{ expr: quantile(0.95, 'llm_time_to_first_token_seconds', [OF_MODELS], 'model'), legend: '{{model}}' }],
    postgres: [firstTokenP95(CALLED, usageLabel('model'))],
  },
  {
    title: 'Tokens',
    description:
      'Tokens per second by what they were: buckets that exclude each other, and together are what the provider counts.',
    kind: 'lines',
    unit: 'short',
    isStacked: true,
    prometheus: [{ expr: sum(rate('llm_tokens_total', OF_MODELS), 'direction'), legend: '{{direction}}' }],
    postgres: [tokenRates(CALLED)],
  },
  {
    title: 'Tokens by agent',
    description: 'Tokens per second of the calls that an agent made itself; of agents within it, those count.',
    kind: 'lines',
    unit: 'short',
    isStacked: true,
    prometheus: [{ expr: sum(rate('agent_tokens_used_total', matcherOf(AGENTS)), 'agent_id'), legend: '{{agent_id}}' }],
  },
];

const money: readonly Panel[] = [
  {
    title: 'Cost by model',
    description: 'US dollars an hour that calls to a model cost.',
    kind: 'lines',
    unit: 'currencyUSD',
    isStacked: true,
    prometheus: [{ expr: `${sum(rate(COST, OF_MODELS), 'model')} * ${SECONDS_AN_HOUR}`, legend: '{{model}}' }],
    postgres: [usageRate(CALLED, 'cost_usd', 'usd', { seconds: SECONDS_AN_HOUR, by: usageLabel('model') })],
  },
  {
    title: 'Cost by team',
    description: 'US dollars an hour that the calls of a team cost.',
    kind: 'lines',
    unit: 'currencyUSD',
    isStacked: true,
    prometheus: [{ expr: `${sum(rate(COST, OF_MODELS), 'team')} * ${SECONDS_AN_HOUR}`, legend: '{{team}}' }],
    postgres: [usageRate(CALLED, 'cost_usd', 'usd', { seconds: SECONDS_AN_HOUR, by: usageLabel('team') })],
  },
  {
    title: 'Calls without a price',
    description: 'Calls per second to models that the price table does not know: what they cost is in no sum.',
    kind: 'lines',
    unit: 'reqps',
    min: 0,
    thresholds: [{ from: 0.001, color: 'orange' }],
    prometheus: [{ expr: sum(rate('llm_unpriced_requests_total', OF_MODELS), 'model'), legend: '{{model}}' }],
  },
  BUDGETS,
];

const tools: readonly Panel[] = [
  perSecondBy(TOOLS, TOOL, { title: 'Calls by tool', description: 'Calls of tools that ended, per second.' }),
  failuresBy(TOOLS, TOOL, { title: 'Failures by tool', description: 'Share of the calls of a tool that failed.' }),
  p95By(TOOLS, TOOL, { title: 'Duration by tool', description: '95 of 100 calls of a tool took no longer.' }),
  slowest(RUNS, 'agent', {
    title: 'Slowest runs',
    description: 'The longest runs of agents on the last day of the range, each with its trace.',
  }),
];

export const aiAgentAnalytics: DashboardDefinition = {
  name: 'ai-agent-analytics',
  title: 'AI agent analytics',
  description: 'Agents, models, tokens, cost and tools.',
  choices: [AGENTS, MODELS],
  rows: [
    { title: 'Agents', panels: agents },
    { title: 'Models', panels: models },
    { title: 'Money', panels: money },
    { title: 'Tools', panels: tools },
  ],
};
