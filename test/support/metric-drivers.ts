// For each metric of the catalogue a little work that moves it.
import type { RequestListener, Server } from 'node:http';
import express from 'express';
import express52 from 'express5-2';
import type { MetricName } from '../../src/instrument/metrics/catalogue.ts';
import { registerSelfMetrics, type TrackerNumbers } from '../../src/instrument/metrics/self-metrics.ts';
import type { ObservabilityTracker } from '../../src/instrument/tracker.ts';
import { waitFor } from './wait-for.ts';

export interface DriverSite {
  readonly tracker: ObservabilityTracker;
  /** Serves until the test is over. `get` sends a request and waits for nothing. */
  serve(listener: RequestListener): Promise<{ readonly server: Server; get(path: string): void }>;
}

type Driver = (site: DriverSite) => unknown;

const failed = { durationMs: 1, success: false } as const;
const connector = { connectorType: 'crm', operation: 'get', tenantId: 't' } as const;
const posts = { connectorType: 'crm', resourceType: 'posts', tenantId: 't' } as const;

/** One request, until `isDone`. @param path of `/ok`, which is answered, `/stream`, which ends, `/open` and `/hanging`, which do not */
async function ask({ tracker, serve }: DriverSite, path: string, isDone: () => boolean | Promise<boolean>): Promise<void> {
  const app = express();
  app.use(tracker.express());
  app.get('/ok', (_, response) => void response.send('ok'));
  app.get('/hanging', () => {});
  app.get('/:kind', ({ params }, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
    if (params.kind === 'stream') response.end();
  });
  const { get } = await serve(app);
  get(path);
  await waitFor(isDone);
}

const recorded = ({ tracker }: DriverSite) => tracker.counts().recorded > 0;

/** Whether a metric has a value yet. */
async function isMoved({ tracker }: DriverSite, metric: MetricName): Promise<boolean> {
  return new RegExp(`^${metric} [1-9]`, 'm').test(await tracker.registry.metrics());
}

/** What a part says of itself. */
const TRACKER: TrackerNumbers = {
  counts: { recorded: 1, handedOn: 1, waiting: 1, sampledOut: 1, dropped: { ring_full: 1 } },
  internalErrors: 1,
  metadataTruncated: 1,
  resultsUncounted: { records: 1, hit: 1 },
  labelsSanitized: 1,
  executionsEvicted: 1,
  traceHeadersRefused: { traceparent: 1, tracestate: 1 },
};
const STORE = {
  ...{ archived: 1, deadLettered: 1, quarantined: 1, spoolBytes: 1, spoolEvents: 1, suspectBytes: 1, suspectsRemoved: 1 },
  ...{ spoolLimitBytes: 1, spoolFreeBytes: 1, lagSeconds: 1, failures: 1, dropped: {}, batches: 1, batchSecondsSum: 1 },
} as const;
const ARCHIVED_LOGS = { archived: 1, deadLettered: 1, quarantined: 1, dropped: { damaged: 1 }, spooled: 1 } as const;
const ALERTS = {
  states: [{ alertname: 'a', state: 'firing', count: 1 }],
  notifications: [{ receiver: 'r', outcome: 'sent', count: 1 }],
  evaluations: [{ outcome: 'ok', count: 1 }],
  slotsMissed: 1,
  evaluationsCut: 1,
  silentSources: 1,
  evaluationSeconds: { sum: 1, count: 1, buckets: [{ le: '+Inf', count: 1 }] },
} as const;

const ofTracker: Driver = ({ tracker }) => registerSelfMetrics(tracker.registry, { tracker: () => TRACKER });
const ofArchive: Driver = ({ tracker }) => registerSelfMetrics(tracker.registry, { archive: () => STORE });
const ofAlerts: Driver = ({ tracker }) => registerSelfMetrics(tracker.registry, { alerts: () => ALERTS });
const ofExecutionLog: Driver = ({ tracker }) =>
  registerSelfMetrics(tracker.registry, { executionLog: () => ({ lines: 1, sampledOut: 1, dropped: { write_error: 1 } }) });
const ofLogs: Driver = ({ tracker }) =>
  registerSelfMetrics(tracker.registry, { logs: () => ({ recorded: 1, dropped: {}, archive: ARCHIVED_LOGS }) });

const agent: Driver = ({ tracker }) => tracker.agent({ agentId: 'a', workspace: 'w' }, () => 1);
const tool: Driver = ({ tracker }) => tracker.tool({ toolName: 'search' }, () => 1);
const workflow: Driver = ({ tracker }) => tracker.workflow({ workflowId: 'w', tenantId: 't' }, () => 1);
const operation: Driver = ({ tracker }) => tracker.connector(connector, () => 1);
const sync: Driver = ({ tracker }) => tracker.sync(posts, () => [1]);
const command: Driver = ({ tracker }) => tracker.command({ command: 'build' }, () => 1);
const pool: Driver = ({ tracker }) => void POOLS.add(tracker.observePool(createPool()));

const model: Driver = ({ tracker }) => callModel(tracker, 'gpt-4o');

function callModel(tracker: ObservabilityTracker, name: string): void {
  tracker.measure({ type: 'llm', name, labels: { provider: 'openai', model: name, team: 't' } }, (execution) => {
    execution.tokens({ input: 1000, output: 100 }).firstToken(5);
  });
}

/** A pool is held weakly by those who observe it. */
const POOLS = new Set<object>();
const createPool = () => ({ totalCount: 3, idleCount: 1, waitingCount: 2 });

/** A mount of Express 5.2 of which only a part of a segment is a parameter: nothing tells of it. */
async function guess(site: DriverSite): Promise<void> {
  const app = express52();
  const router = express52.Router();
  app.use(site.tracker.express());
  router.get('/orders', (_, response) => void response.send('ok'));
  app.use('/part/:major.:minor', router);
  const { get } = await site.serve(app);
  get('/part/1.2/orders');
  await waitFor(() => recorded(site));
}

export const DRIVERS: Readonly<Record<MetricName, Driver>> = {
  http_server_request_duration_seconds: (site) => ask(site, '/ok', () => recorded(site)),
  http_server_stream_duration_seconds: (site) => ask(site, '/stream', () => recorded(site)),
  http_server_active_streams: (site) => ask(site, '/open', () => isMoved(site, 'http_server_active_streams')),
  http_server_active_requests: (site) => ask(site, '/hanging', () => isMoved(site, 'http_server_active_requests')),
  agent_execution_total: agent,
  agent_execution_duration_seconds: agent,
  agent_errors_total: ({ tracker }) => tracker.recordAgentInvocation({ agentId: 'a', ...failed }),
  tool_calls_total: tool,
  tool_call_duration_seconds: tool,
  agent_tokens_used_total: ({ tracker }) => tracker.agent({ agentId: 'a', workspace: 'w' }, () => callModel(tracker, 'gpt-4o')),
  llm_requests_total: model,
  llm_request_duration_seconds: model,
  llm_tokens_total: model,
  llm_cost_usd_total: model,
  llm_time_to_first_token_seconds: model,
  llm_unpriced_requests_total: ({ tracker }) => callModel(tracker, 'a model without a price'),
  db_query_duration_seconds: ({ tracker }) => tracker.query({ queryName: 'q' }, () => 1),
  db_connection_pool_size: pool,
  db_connection_pool_waiting: pool,
  workflow_executions_total: workflow,
  workflow_execution_duration_seconds: workflow,
  workflow_failures_total: ({ tracker }) => tracker.recordWorkflowExecution({ workflowId: 'w', ...failed }),
  workflow_step_duration_seconds: ({ tracker }) => tracker.step({ workflowId: 'w', step: 's' }, () => 1),
  connector_operations_total: operation,
  connector_operation_duration_seconds: operation,
  connector_errors_total: ({ tracker }) => tracker.recordConnectorOperation({ ...connector, ...failed }),
  connector_up: operation,
  connector_sync_operations_total: sync,
  connector_sync_records_total: sync,
  cache_operation_duration_seconds: ({ tracker }) => tracker.cache({ cache: 'c' }, () => 1),
  cache_hits_total: ({ tracker }) => tracker.cache({ cache: 'c' }, () => 1),
  cache_misses_total: ({ tracker }) => tracker.cache({ cache: 'c' }, () => undefined),
  user_session_duration_seconds: ({ tracker }) => tracker.session({ sessionType: 's' }).end(),
  feature_usage_total: ({ tracker }) => tracker.feature('export'),
  command_executions_total: command,
  command_duration_seconds: command,
  gateway_requests_total: ({ tracker }) => tracker.gateway({ gatewayId: 'g', method: 'GET' }, () => 1),
  gateway_active_connections: ({ tracker }) => tracker.openGatewayConnection('g'),
  retries_total: ({ tracker }) => tracker.tool({ toolName: 'search', attempt: 2 }, () => 1),
  keepwatch_events_recorded_total: tool,
  keepwatch_events_waiting: tool,
  keepwatch_events_sampled_out_total: ofTracker,
  keepwatch_events_dropped_total: ofTracker,
  keepwatch_internal_errors_total: ofTracker,
  keepwatch_metadata_truncated_total: ofTracker,
  keepwatch_labels_sanitized_total: ({ tracker }) => tracker.tool({ toolName: 'a\u0000b' }, () => 1),
  keepwatch_results_uncounted_total: ({ tracker }) => tracker.sync(posts, () => 'none'),
  keepwatch_executions_evicted_total: ofTracker,
  keepwatch_trace_headers_refused_total: ofTracker,
  keepwatch_guessed_routes_total: guess,
  keepwatch_series_overflow_total({ tracker }) {
    for (let id = 0; id < 1500; id++) tracker.tool({ toolName: `tool ${id}` }, () => 1);
  },
  keepwatch_events_archived_total: ofArchive,
  keepwatch_events_dead_lettered_total: ofArchive,
  keepwatch_events_quarantined_total: ofArchive,
  keepwatch_spool_bytes: ofArchive,
  keepwatch_spool_events: ofArchive,
  keepwatch_spool_limit_bytes: ofArchive,
  keepwatch_spool_free_bytes: ofArchive,
  keepwatch_spool_suspect_bytes: ofArchive,
  keepwatch_spool_suspects_removed_total: ofArchive,
  keepwatch_archive_lag_seconds: ofArchive,
  keepwatch_archive_batch_duration_seconds: ofArchive,
  keepwatch_archive_failures_total: ofArchive,
  keepwatch_execution_log_lines_total: ofExecutionLog,
  keepwatch_execution_log_sampled_out_total: ofExecutionLog,
  keepwatch_execution_log_dropped_total: ofExecutionLog,
  keepwatch_logs_recorded_total: ofLogs,
  keepwatch_logs_archived_total: ofLogs,
  keepwatch_logs_dropped_total: ofLogs,
  keepwatch_logs_dead_lettered_total: ofLogs,
  keepwatch_logs_quarantined_total: ofLogs,
  keepwatch_spool_logs: ofLogs,
  keepwatch_alerts: ofAlerts,
  keepwatch_alert_evaluation_duration_seconds: ofAlerts,
  keepwatch_alert_evaluations_total: ofAlerts,
  keepwatch_alert_slots_missed_total: ofAlerts,
  keepwatch_alert_silent_sources: ofAlerts,
  keepwatch_alert_evaluations_cut_total: ofAlerts,
  keepwatch_notifications_total: ofAlerts,
};
