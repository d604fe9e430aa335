// The keepwatch_* metrics: how Keepwatch itself does. Each room gives its numbers by a small function, which is called at each scrape.
import { DROP_REASONS, type DropReason } from '../../event.ts';
import type { StoreNumbers } from '../../event-store.ts';
import type { RingCounts } from '../recording/lane-queue.ts';
import type { CollectedValue } from './collected-metric.ts';
import { type MetricRegistry, Metrics } from './registry.ts';

export interface TrackerNumbers {
  readonly counts: RingCounts;
  readonly internalErrors: number;
  readonly metadataTruncated: number;
  readonly resultsUncounted: Readonly<Record<'records' | 'hit', number>>;
  readonly labelsSanitized: number;
  readonly executionsEvicted: number;
  readonly traceHeadersRefused: { readonly traceparent: number; readonly tracestate: number };
}

export interface AlertNumbers {
  readonly states: readonly { readonly alertname: string; readonly state: string; readonly count: number }[];
  readonly notifications: readonly { readonly receiver: string; readonly outcome: string; readonly count: number }[];
  /** Evaluations of rules by outcome. */
  readonly evaluations: readonly { readonly outcome: string; readonly count: number }[];
  /** Of those, without an answer when the time of their group was over. */
  readonly evaluationsCut: number;
  readonly slotsMissed: number;
  /** Sources that slots do not wait for. */
  readonly silentSources: number;
  /** How long slots of rule groups took; each bucket counts all up to its bound. */
  readonly evaluationSeconds: {
    readonly sum: number;
    readonly count: number;
    readonly buckets: readonly { readonly le: string; readonly count: number }[];
  };
}

/** Of log lines: what was written, and what became of it. */
export interface LogNumbers {
  readonly recorded: number;
  /** Before they reached the archive. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly archive: {
    readonly archived: number;
    readonly deadLettered: number;
    readonly quarantined: number;
    readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
    readonly spooled: number;
  };
}

/** Of the lines of the execution log. */
export interface ExecutionLogNumbers {
  readonly lines: number;
  readonly sampledOut: number;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface SelfMetricsSources {
  readonly tracker?: () => TrackerNumbers;
  readonly archive?: () => StoreNumbers;
  readonly alerts?: () => AlertNumbers;
  readonly logs?: () => LogNumbers;
  readonly executionLog?: () => ExecutionLogNumbers;
}

/** Reasons that only the tracker counts. */
const TRACKER_REASONS: readonly DropReason[] = ['ring_full', 'sink_error'];
const ARCHIVE_REASONS = DROP_REASONS.filter((reason) => !TRACKER_REASONS.includes(reason));

/**
 * Registers the metrics of the given parts. May be called again for other parts (the tracker registers its own).
 * @throws KeepwatchError ERR_CONFIG_INVALID when the registry holds another's metric under one of the names
 */
export function registerSelfMetrics(registry: MetricRegistry, sources: SelfMetricsSources): void {
  const { tracker, archive, alerts, logs, executionLog } = sources;
  const metrics = new Metrics(registry);
  if (tracker !== undefined) registerTracker(metrics, tracker);
  if (archive !== undefined) registerArchive(metrics, archive);
  if (alerts !== undefined) registerAlerts(metrics, alerts);
  if (logs !== undefined) registerLogs(metrics, logs);
  if (executionLog !== undefined) registerExecutionLog(metrics, executionLog);
}

function registerTracker(metrics: Metrics, numbers: () => TrackerNumbers): void {
  metrics.collected('keepwatch_events_recorded_total').add(() => [{ value: numbers().counts.recorded }]);
  metrics.collected('keepwatch_events_sampled_out_total').add(() => [{ value: numbers().counts.sampledOut }]);
  metrics.collected('keepwatch_events_waiting').add(() => [{ value: numbers().counts.waiting }]);
  metrics.collected('keepwatch_internal_errors_total').add(() => [{ value: numbers().internalErrors }]);
  metrics.collected('keepwatch_metadata_truncated_total').add(() => [{ value: numbers().metadataTruncated }]);
  metrics.collected('keepwatch_labels_sanitized_total').add(() => [{ value: numbers().labelsSanitized }]);
  metrics.collected('keepwatch_executions_evicted_total').add(() => [{ value: numbers().executionsEvicted }]);
  metrics
    .collected('keepwatch_results_uncounted_total')
    .add(() => Object.entries(numbers().resultsUncounted).map(([what, value]) => ({ value, labels: { what } })));
  metrics.collected('keepwatch_trace_headers_refused_total').add(() => {
    const { traceparent, tracestate } = numbers().traceHeadersRefused;
    return [
      { value: traceparent, labels: { header: 'traceparent' } },
      { value: tracestate, labels: { header: 'tracestate' } },
    ];
  });
  metrics.collected('keepwatch_events_dropped_total').add(() => {
    const { dropped } = numbers().counts;
    return countDrops(dropped, TRACKER_REASONS);
  });
  const overflow = metrics.collected('keepwatch_series_overflow_total');
  // These are numbers of the registry, which a second tracker in it would report again.
  if (overflow.isEmpty)
    overflow.add(() => metrics.overflows().map(({ metric, count }) => ({ value: count, labels: { metric } })));
}

function registerArchive(metrics: Metrics, numbers: () => StoreNumbers): void {
  metrics.collected('keepwatch_events_archived_total').add(() => [{ value: numbers().archived }]);
  metrics.collected('keepwatch_events_dead_lettered_total').add(() => [{ value: numbers().deadLettered }]);
  metrics.collected('keepwatch_events_quarantined_total').add(() => [{ value: numbers().quarantined }]);
  metrics.collected('keepwatch_spool_bytes').add(() => [{ value: numbers().spoolBytes }]);
  metrics.collected('keepwatch_spool_limit_bytes').add(() => [{ value: numbers().spoolLimitBytes }]);
  metrics.collected('keepwatch_spool_free_bytes').add(() => [{ value: numbers().spoolFreeBytes }]);
  metrics.collected('keepwatch_spool_events').add(() => [{ value: numbers().spoolEvents }]);
  metrics.collected('keepwatch_spool_suspect_bytes').add(() => [{ value: numbers().suspectBytes }]);
  metrics.collected('keepwatch_spool_suspects_removed_total').add(() => [{ value: numbers().suspectsRemoved }]);
  metrics.collected('keepwatch_archive_lag_seconds').add(() => [{ value: numbers().lagSeconds }]);
  metrics.collected('keepwatch_archive_failures_total').add(() => [{ value: numbers().failures }]);
  metrics.collected('keepwatch_archive_batch_duration_seconds').add(() => summary(numbers().batchSecondsSum, numbers().batches));
  metrics.collected('keepwatch_events_dropped_total').add(() => countDrops(numbers().dropped, ARCHIVE_REASONS));
}

function registerAlerts(metrics: Metrics, numbers: () => AlertNumbers): void {
  metrics
    .collected('keepwatch_alerts')
    .add(() => numbers().states.map(({ alertname, state, count }) => ({ value: count, labels: { alertname, state } })));
  metrics
    .collected('keepwatch_notifications_total')
    .add(() => numbers().notifications.map(({ receiver, outcome, count }) => ({ value: count, labels: { receiver, outcome } })));
  metrics.collected('keepwatch_alert_evaluation_duration_seconds').add(() => {
    const { sum, count, buckets } = numbers().evaluationSeconds;
    return [
      ...buckets.map((bucket) => ({ value: bucket.count, labels: { le: bucket.le }, suffix: '_bucket' as const })),
      ...summary(sum, count),
    ];
  });
  metrics
    .collected('keepwatch_alert_evaluations_total')
    .add(() => numbers().evaluations.map(({ outcome, count }) => ({ value: count, labels: { outcome } })));
  metrics.collected('keepwatch_alert_evaluations_cut_total').add(() => [{ value: numbers().evaluationsCut }]);
  metrics.collected('keepwatch_alert_slots_missed_total').add(() => [{ value: numbers().slotsMissed }]);
  metrics.collected('keepwatch_alert_silent_sources').add(() => [{ value: numbers().silentSources }]);
}

function registerLogs(metrics: Metrics, numbers: () => LogNumbers): void {
  metrics.collected('keepwatch_logs_recorded_total').add(() => [{ value: numbers().recorded }]);
  metrics.collected('keepwatch_logs_archived_total').add(() => [{ value: numbers().archive.archived }]);
  metrics.collected('keepwatch_logs_dead_lettered_total').add(() => [{ value: numbers().archive.deadLettered }]);
  metrics.collected('keepwatch_logs_quarantined_total').add(() => [{ value: numbers().archive.quarantined }]);
  metrics.collected('keepwatch_spool_logs').add(() => [{ value: numbers().archive.spooled }]);
  metrics.collected('keepwatch_logs_dropped_total').add(() => {
    const { dropped, archive } = numbers();
    return countDrops({ ...archive.dropped, ...dropped }, DROP_REASONS);
  });
}

/** Every reason from the start: of a counter that begins above 0, Prometheus does not see what it began with. */
function countDrops(dropped: Readonly<Partial<Record<DropReason, number>>>, reasons: readonly DropReason[]): CollectedValue[] {
  return reasons.map((reason) => ({ value: dropped[reason] ?? 0, labels: { reason } }));
}

function registerExecutionLog(metrics: Metrics, numbers: () => ExecutionLogNumbers): void {
  metrics.collected('keepwatch_execution_log_lines_total').add(() => [{ value: numbers().lines }]);
  metrics.collected('keepwatch_execution_log_sampled_out_total').add(() => [{ value: numbers().sampledOut }]);
  metrics
    .collected('keepwatch_execution_log_dropped_total')
    .add(() => Object.entries(numbers().dropped).map(([reason, value]) => ({ value, labels: { reason } })));
}

function summary(sum: number, count: number): CollectedValue[] {
  return [
    { value: sum, suffix: '_sum' },
    { value: count, suffix: '_count' },
  ];
}
