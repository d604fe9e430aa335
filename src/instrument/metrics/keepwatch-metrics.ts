// The part of the catalogue that says how Keepwatch itself does. self-metrics.ts reads the values.
import type { MetricEntry } from './metric-entry.ts';

/** Those of src/alerts/evaluation-counts.ts. */
const EVALUATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

export const SELF_METRICS = {
  keepwatch_events_recorded_total: { type: 'counter', help: 'Executions recorded as timing events.', labels: [] },
  keepwatch_events_archived_total: {
    type: 'counter',
    help: 'Timing events committed to Postgres, or written to JSONL files.',
    labels: [],
  },
  keepwatch_events_sampled_out_total: { type: 'counter', help: 'Timing events left out by sampling.', labels: [] },
  keepwatch_events_dropped_total: {
    type: 'counter',
    help: 'Timing events dropped before they reached the archive.',
    labels: ['reason'],
  },
  keepwatch_events_dead_lettered_total: { type: 'counter', help: 'Timing events that Postgres refused.', labels: [] },
  keepwatch_events_quarantined_total: {
    type: 'counter',
    help: 'Timing events set aside because their time is outside of the ingest window.',
    labels: [],
  },
  keepwatch_logs_recorded_total: { type: 'counter', help: 'Log lines written to the log stream.', labels: [] },
  keepwatch_logs_archived_total: { type: 'counter', help: 'Log lines committed to Postgres.', labels: [] },
  keepwatch_logs_dropped_total: { type: 'counter', help: 'Log lines dropped before they were archived.', labels: ['reason'] },
  keepwatch_logs_dead_lettered_total: { type: 'counter', help: 'Log lines that Postgres refused.', labels: [] },
  keepwatch_logs_quarantined_total: {
    type: 'counter',
    help: 'Log lines set aside because their time is outside of the ingest window.',
    labels: [],
  },
  keepwatch_execution_log_lines_total: { type: 'counter', help: 'Lines of the execution log that were written.', labels: [] },
  keepwatch_execution_log_sampled_out_total: {
    type: 'counter',
    help: 'Executions without a line in the execution log, as not all that succeed have one.',
    labels: [],
  },
  keepwatch_execution_log_dropped_total: {
    type: 'counter',
    help: 'Lines of the execution log that were lost: queue_full (nobody reads), write_error, encode_error.',
    labels: ['reason'],
  },
  keepwatch_spool_logs: { type: 'gauge', help: 'Log lines that wait in the spool for Postgres.', labels: [] },
  keepwatch_events_waiting: { type: 'gauge', help: 'Timing events in memory that no sink has taken yet.', labels: [] },
  keepwatch_spool_bytes: {
    type: 'gauge',
    help: 'Bytes of the spool that wait for Postgres, or in memory for JSONL files: of this process.',
    labels: [],
  },
  keepwatch_spool_limit_bytes: {
    type: 'gauge',
    help: 'Bytes that may wait at most: in the spool, of all processes that share it, or in memory for JSONL files.',
    labels: [],
  },
  keepwatch_spool_free_bytes: {
    type: 'gauge',
    help: 'Bytes that are left of keepwatch_spool_limit_bytes; in the last tenth of a spool only failures and slow events are taken.',
    labels: [],
  },
  keepwatch_spool_events: {
    type: 'gauge',
    help: 'Timing events in the spool that wait for Postgres, or in memory for JSONL files.',
    labels: [],
  },
  keepwatch_spool_suspect_bytes: {
    type: 'gauge',
    help: 'Bytes in suspect/ of the spool: what no event could be read from, to be looked at.',
    labels: [],
  },
  keepwatch_spool_suspects_removed_total: {
    type: 'counter',
    help: 'Files of suspect/ that were removed as no longer kept; the events in them were counted as damaged before.',
    labels: [],
  },
  keepwatch_archive_lag_seconds: {
    type: 'gauge',
    help: 'Age of the oldest timing event that is not yet in Postgres, or in its JSONL file.',
    labels: [],
  },
  keepwatch_archive_batch_duration_seconds: {
    type: 'summary',
    help: 'Duration of the transactions, or writes, that archive a batch.',
    labels: [],
  },
  keepwatch_archive_failures_total: { type: 'counter', help: 'Attempts to archive that failed.', labels: [] },
  keepwatch_alerts: {
    type: 'gauge',
    help: 'Series of alerting rules by state: ok, pending, firing, recovering, nodata; from 1,001 rules on the rest is __other__.',
    labels: ['alertname', 'state'],
  },
  keepwatch_alert_evaluation_duration_seconds: {
    type: 'histogram',
    help: 'Duration of a slot of a rule group: the queries of its rules and the commit of their states.',
    labels: [],
    buckets: EVALUATION_BUCKETS,
  },
  keepwatch_alert_evaluations_total: {
    type: 'counter',
    help: 'Evaluations of alerting rules that this process committed, by outcome: ok, or error, which changes no state.',
    labels: ['outcome'],
  },
  keepwatch_alert_evaluations_cut_total: {
    type: 'counter',
    help: 'Evaluations of alerting rules with the outcome error as the time of their group was over before they had an answer, or there was no room for it.',
    labels: [],
  },
  keepwatch_alert_slots_missed_total: {
    type: 'counter',
    help: 'Slots of rule groups that were left out, as newer ones were due.',
    labels: [],
  },
  keepwatch_alert_silent_sources: {
    type: 'gauge',
    help: 'Sources that were not closed and not heard of for 30 s: slots of alerting rules do not wait for what they have not archived.',
    labels: [],
  },
  keepwatch_notifications_total: {
    type: 'counter',
    help: 'Notifications by receiver and outcome.',
    labels: ['receiver', 'outcome'],
  },
  keepwatch_internal_errors_total: { type: 'counter', help: 'Errors inside Keepwatch, kept away from the app.', labels: [] },
  keepwatch_metadata_truncated_total: {
    type: 'counter',
    help: 'Timing events of which metadata was left out, as it did not fit.',
    labels: [],
  },
  keepwatch_labels_sanitized_total: {
    type: 'counter',
    help: 'Names and label values that were cut, cleaned or replaced, as they were no bounded text.',
    labels: [],
  },
  keepwatch_results_uncounted_total: {
    type: 'counter',
    help: 'Results of functions in which what is counted of them (records, hit) was not found; their events say so.',
    labels: ['what'],
  },
  keepwatch_executions_evicted_total: {
    type: 'counter',
    help: 'Executions started by id and never ended, given up as aborted.',
    labels: [],
  },
  keepwatch_trace_headers_refused_total: {
    type: 'counter',
    help: 'Headers traceparent and tracestate of requests that were malformed or too long, and not used.',
    labels: ['header'],
  },
  keepwatch_guessed_routes_total: {
    type: 'counter',
    help: 'Route templates below a mount whose path the router does not tell, each counted once: keepwatch/register makes them exact.',
    labels: [],
  },
  keepwatch_series_overflow_total: {
    type: 'counter',
    help: 'Observations that went to the series __other__ of a metric that has as many series as it may.',
    labels: ['metric'],
  },
} as const satisfies Record<string, MetricEntry>;
