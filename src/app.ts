// The composition root: builds every part from the configuration in one straight line; start() in that order, stop() in reverse.
import { resolve } from 'node:path';
import { type Config, type ConfigOptions, loadConfig } from './config.ts';
import { KeepwatchError } from './errors.ts';
import type { EventStore } from './event-store.ts';
import {
  createExecutionLog,
  type ExecutionLogTarget,
  type RunningExecutionLog,
} from './instrument/execution-log/create-execution-log.ts';
import { createMetricsHandler } from './instrument/exposition/metrics-handler.ts';
import { markUncounted } from './instrument/http/express.ts';
import { createLogCollector, createLogStreams } from './instrument/logs/create-log-collector.ts';
import type { LogCollector, LogStream } from './instrument/logs/log-stream.ts';
import type { MetricRegistry } from './instrument/metrics/registry.ts';
import { registerSelfMetrics } from './instrument/metrics/self-metrics.ts';
import type { LogFields } from './instrument/tracing/log-mixin.ts';
import { ObservabilityTracker } from './instrument/tracker.ts';
import { createJsonlQueries } from './jsonl/jsonl-queries.ts';
import { createJsonlStore } from './jsonl/jsonl-store.ts';
import { createLogger, guardLogger, type Logger } from './logger.ts';
import { createMetricsHistory, type EventReader, type MetricsHistory } from './metrics-history.ts';
import { createRouter, type RequestHandler, type Router } from './server/router.ts';
import type { Storage } from './storage.ts';

export interface KeepwatchOptions extends Omit<ConfigOptions, 'executionLogTo'> {
  /** A prom-client registry of your own; default: one that only Keepwatch uses. */
  readonly registry?: MetricRegistry;
  /** Where Keepwatch's own log lines go; default: JSON lines on stderr. A pino logger fits. */
  readonly logger?: Logger;
  /** Where the lines of the execution log go (docs/logs.md): `stdout`, `stderr`, a file, a stream or a logger; default `stdout`. */
  readonly executionLogTo?: ExecutionLogTarget;
  /** Evaluate alerting rules in this process; default false. Needs the archive. */
  readonly alerts?: boolean;
}

/** A moment's numbers, for people. */
export interface KeepwatchStatus {
  readonly recorded: number;
  /** Of the archive in Postgres, or of the JSONL files; undefined without either. */
  readonly archive:
    | { archived: number; lagSeconds: number; spoolEvents: number; spoolBytes: number; state: 'ok' | 'degraded' }
    | undefined;
  readonly alerts: { pending: number; firing: number };
  /** Why `/readyz` says degraded; empty when all is well. */
  readonly reasons: readonly string[];
}

export interface Keepwatch extends MetricsHistory {
  readonly config: Config;
  readonly tracker: ObservabilityTracker;
  /** `/metrics`, `/healthz`, `/readyz`, `/api/v1`: mount it with `app.use`. */
  router(): Router;
  /** Serves the registry, for a path of your own. Scrapes are not counted as traffic. */
  metricsHandler(): RequestHandler;
  /**
   * Begins to archive, to Postgres or to JSONL files, and, if asked for, to evaluate rules. A database that is down is no error: events wait in the spool; one that hangs
   * is waited for 5 s at most. May be called again.
   * @throws KeepwatchError ERR_USAGE after `stop`
   */
  start(): Promise<void>;
  /** Resolves when everything recorded so far is committed, or in the spool while Postgres is away; without a database, in its JSONL file. */
  flush(): Promise<void>;
  /** Stops in reverse order; what Postgres cannot take within `timeoutMs` (default 10000) stays in the spool. Idempotent. */
  stop(options?: { timeoutMs?: number }): Promise<void>;
  status(): KeepwatchStatus;
  /** For `pino({ mixin: keepwatch.logMixin() })`: trace ids in every line that an execution logs. */
  logMixin(): () => LogFields;
  /**
   * A stream for pino, or any logger that writes lines of JSON: `pino(options, keepwatch.logStream())`. What is written is archived in
   * keepwatch.observability_logs with the ids of the execution that logs it. Never waits, never throws. Without a database, and once
   * stopped, it takes nothing.
   */
  logStream(): LogStream;
  /** Live kill switch: wrapped functions and requests run on, nothing is measured. */
  disable(): void;
  enable(): void;
}

/**
 * Builds Keepwatch from options > environment > keepwatch.yaml > defaults. Without a database URL there are metrics and, with a folder for
 * them, events as lines of JSON; no database driver is loaded.
 * @throws KeepwatchError ERR_CONFIG_INVALID naming every problem
 */
export async function createKeepwatch(options: KeepwatchOptions = {}): Promise<Keepwatch> {
  const { registry, logger: givenLogger, alerts: wantsAlerts = false, executionLogTo, ...settings } = options;
  const config = loadConfig(typeof executionLogTo === 'string' ? { ...settings, executionLogTo } : settings);
  const logger = guardLogger(givenLogger ?? createLogger({ level: config.logLevel, service: config.service }));
  const tracker = new ObservabilityTracker({
    service: config.service,
    tracing: config.tracing,
    propagate: config.propagate,
    enabled: config.enabled,
    metadataAllow: config.metadataAllow,
    metadataDeny: config.metadataDeny,
    errorRedaction: config.errorRedaction,
    errorRedactionPatterns: config.errorRedactionPatterns,
    logger,
    ...(config.llmPrices === undefined ? {} : { llmPrices: config.llmPrices }),
    ...(registry === undefined ? {} : { registry }),
  });
  const logs = createLogCollector(config, tracker, logger);
  const storage = await openStorage({ config, tracker, logs, logger }, wantsAlerts);
  const store = storage === undefined ? openJsonl(config, tracker, logger) : storeOf(storage);
  if (storage !== undefined && config.jsonlDir !== undefined)
    logger.warn(
      { jsonlDir: config.jsonlDir },
      'events go to Postgres, as there is a database URL; nothing is written to the JSONL folder',
    );
  const executionLog = createExecutionLog(config, executionLogTo, logger);
  const sink = executionLog === undefined ? store?.sink : executionLog.tap(store?.sink);
  if (sink !== undefined) tracker.connect(sink);
  if (storage !== undefined) logs.connect(storage.archive.sink);
  registerStoreMetrics(tracker, store, { storage, logs, executionLog });
  const metrics = createMetricsHandler(tracker.registry, { logger });
  return assemble({ config, tracker, logs, store, storage, executionLog, metrics, logger });
}

/** Where events go, with what reads them and what has to be started beside it. */
interface ReadableStore extends Omit<EventStore, 'start'> {
  readonly reader: EventReader;
  start(): Promise<void> | void;
}

/** With what must be started and stopped beside the archive. */
function storeOf(storage: Storage): ReadableStore {
  const { archive } = storage;
  return {
    reader: storage.reader,
    sink: archive.sink,
    start: () => storage.start(),
    flush: () => archive.flush(),
    stop: (options) => storage.stop(options),
    appendSync: () => archive.appendSync(),
    stats: () => ({ ...archive.stats(), reasons: storage.reasons() }),
  };
}

function openJsonl(config: Config, tracker: ObservabilityTracker, logger: Logger): ReadableStore | undefined {
  if (config.jsonlDir === undefined) return undefined;
  const folder = resolve(config.jsonlDir);
  const onBroken = (lines: object) => logger.warn(lines, 'lines of the JSONL folder that are no events were passed over');
  const queries = createJsonlQueries({ folder, onBroken });
  const store = createJsonlStore({
    folder,
    keepMs: config.retention,
    durability: config.durability,
    now: () => tracker.now(),
    collect: () => tracker.flush(),
    logger,
  });
  const prune = async (keepMs: number) => (await queries.removeBefore(new Date(tracker.now() - keepMs))).length;
  return Object.assign(store, { reader: { summary: queries.summary, recent: queries.recent, prune } });
}

/** Loads the database driver only where there is a database. */
async function openStorage(
  { config, tracker, logs, logger }: Pick<Parts, 'config' | 'tracker' | 'logs'> & { readonly logger: Logger },
  wantsAlerts: boolean,
): Promise<Storage | undefined> {
  if (config.databaseUrl === undefined) return undefined;
  const { createStorage } = await import('./storage.ts');
  return createStorage({
    config,
    url: config.databaseUrl,
    wantsAlerts,
    logger,
    now: () => tracker.now(),
    targets: () => tracker.targets(),
    collect: () => {
      tracker.flush();
      logs.flush();
    },
  });
}

function registerStoreMetrics(
  tracker: ObservabilityTracker,
  store: ReadableStore | undefined,
  { storage, logs, executionLog }: Pick<Parts, 'storage' | 'logs' | 'executionLog'>,
): void {
  const alerts = storage?.alerts;
  registerSelfMetrics(tracker.registry, {
    ...(storage === undefined ? {} : { logs: () => ({ ...logs.numbers(), archive: storage.archive.stats().logs }) }),
    ...(store === undefined ? {} : { archive: () => store.stats() }),
    ...(alerts === undefined ? {} : { alerts: () => alerts.numbers() }),
    ...(executionLog === undefined ? {} : { executionLog: () => executionLog.numbers() }),
  });
}

const EVENTS_IN_FILES =
  'DATABASE_URL is not set, and events are lines in the files of KEEPWATCH_JSONL_DIR, which `keepwatch summary` and `keepwatch recent` read, ' +
  'and getMetricsSummary() and getRecentMetrics(); allowed: DATABASE_URL of a Postgres, into which `keepwatch import` brings files';

interface Parts {
  readonly config: Config;
  readonly tracker: ObservabilityTracker;
  readonly logs: LogCollector;
  readonly store: ReadableStore | undefined;
  /** What only a database has. */
  readonly storage: Storage | undefined;
  readonly executionLog: RunningExecutionLog | undefined;
  readonly metrics: RequestHandler;
  readonly logger: Logger;
}

function assemble({ config, tracker, logs, store, storage, executionLog, metrics, logger }: Parts): Keepwatch {
  const appendOnExit = () => {
    tracker.flush();
    logs.flush();
    store?.appendSync();
    executionLog?.flushSync();
  };
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  const collectReasons = () => [...(store?.stats().reasons ?? [])];
  const flush = async () => {
    tracker.flush();
    logs.flush();
    await store?.flush();
  };
  const start = async () => {
    tracker.start();
    process.on('exit', appendOnExit);
    await store?.start();
  };
  const stop = async (timeoutMs: number) => {
    const deadlineMs = performance.now() + timeoutMs;
    tracker.stop();
    tracker.flush();
    logs.stop();
    await store?.stop({ timeoutMs });
    // A moment for the last lines, even when all other time is used up.
    await executionLog?.stop({ timeoutMs: Math.max(200, deadlineMs - performance.now()) });
    process.off('exit', appendOnExit);
  };
  return {
    config,
    tracker,
    router: () =>
      createRouter({
        metrics,
        collectReasons,
        markUncounted,
        readiness: config.readiness,
        authToken: config.authToken,
        ...(config.jsonlDir === undefined ? {} : { whyNoArchive: EVENTS_IN_FILES }),
        ...answersOf(storage),
        now: () => tracker.now(),
      }),
    metricsHandler: () => (request, response, next) => {
      markUncounted(request);
      metrics(request, response, next);
    },
    async start() {
      if (stopping !== undefined) {
        throw new KeepwatchError('ERR_USAGE', 'start: it was stopped; make another one with createKeepwatch');
      }
      starting ??= start();
      await starting;
    },
    flush,
    ...createMetricsHistory({ reader: store?.reader, flush, now: () => tracker.now() }),
    stop: ({ timeoutMs = 10_000 } = {}) => (stopping ??= stop(timeoutMs)),
    status: () => statusOf(tracker, store, storage, collectReasons()),
    logMixin: () => tracker.logMixin(),
    logStream: createLogStreams(logs, { isArchived: storage !== undefined, logger }),
    disable: () => tracker.disable(),
    enable: () => tracker.enable(),
  };
}

/** What the API asks. */
function answersOf(storage: Storage | undefined) {
  return {
    archive: storage?.queries,
    alerts: storage?.alerts,
    ruleEditor: storage?.ruleEditor,
    definitions: storage?.definitions,
    delivery: storage?.delivery,
    receivers: storage?.receivers,
  };
}

function statusOf(
  tracker: ObservabilityTracker,
  store: ReadableStore | undefined,
  storage: Storage | undefined,
  reasons: readonly string[],
): KeepwatchStatus {
  const states = storage?.alerts?.numbers().states ?? [];
  const count = (state: string) => states.reduce((sum, entry) => (entry.state === state ? sum + entry.count : sum), 0);
  return {
    recorded: tracker.counts().recorded,
    archive: store?.stats(),
    alerts: { pending: count('pending'), firing: count('firing') },
    reasons,
  };
}
