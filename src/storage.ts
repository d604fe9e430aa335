// The half of the composition that needs a database: pool, schema, archive, queries, alerts. Loaded only where one is configured.
import { type Alerts, createAlerts } from './alerts/alerts.ts';
import { loadRules } from './alerts/rule-file.ts';
import { type Archive, createArchive } from './archive/archive.ts';
import { type ArchiveQueries, createArchiveQueries } from './archive/queries.ts';
import type { Config } from './config.ts';
import { closeDatabase, createDatabase, type Database, isConnectionError } from './db/database.ts';
import { migrate } from './db/migrate.ts';
import { describeError } from './errors.ts';
import type { Logger } from './logger.ts';
import { formatProblems } from './yaml-file.ts';

export interface StorageOptions {
  readonly config: Config;
  readonly url: string;
  readonly wantsAlerts: boolean;
  readonly logger: Logger;
  readonly now: () => number;
  /** Asks the tracker to hand on what it has. */
  readonly collect: () => void;
}

export interface Storage {
  readonly archive: Archive;
  readonly queries: ArchiveQueries;
  readonly alerts: Alerts | undefined;
  reasons(): readonly string[];
  start(): Promise<void>;
  stop(options: { timeoutMs: number }): Promise<void>;
}

const RETRY_MS = 2000;
/** Time for the goodbye of idle connections, even when all other time is used up. */
const CLOSE_MS = 500;

/** Opens nothing yet; `start` does, and goes on trying while Postgres is away. */
export function createStorage(options: StorageOptions): Storage {
  const { config, logger } = options;
  const database = createDatabase({ url: options.url, max: 5, applicationName: `keepwatch ${config.service}` });
  const archive = createArchive({
    database,
    spoolDir: config.spoolDir,
    spoolMaxBytes: config.spoolMax,
    durability: config.durability,
    service: config.service,
    instance: config.instance,
    cron: config.archiveCron,
    now: options.now,
    collect: options.collect,
    logger,
  });
  const rulesDatabase = options.wantsAlerts ? openRulesDatabase(config, options.url) : undefined;
  const alerts = rulesDatabase === undefined ? undefined : openAlerts(config, database, rulesDatabase, logger);
  let problem: string | undefined = options.wantsAlerts && alerts === undefined ? NO_RULES_ROLE : undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopping = false;

  /** Schema first, then what works on it. A database that is down is tried again; any other problem is said once and shown at /readyz. */
  const bringUp = async (): Promise<void> => {
    timer = undefined;
    try {
      await migrate(database);
      await alerts?.start();
      problem = options.wantsAlerts && alerts === undefined ? NO_RULES_ROLE : undefined;
    } catch (error) {
      const message = `not started: ${describeError(error)}`;
      if (message !== problem) logger.warn({ error: describeError(error) }, 'the archive or the alerts could not start');
      problem = message;
      if (isConnectionError(error) && !isStopping) timer = setTimeout(() => void bringUp(), RETRY_MS).unref();
    }
  };
  return {
    archive,
    queries: createArchiveQueries(database),
    alerts,
    reasons: () => [...(problem === undefined ? [] : [problem]), ...archive.stats().reasons],
    async start() {
      await bringUp();
      archive.start();
    },
    async stop({ timeoutMs }) {
      isStopping = true;
      clearTimeout(timer);
      const deadline = performance.now() + timeoutMs;
      const remainingMs = () => Math.max(0, deadline - performance.now());
      await settleWithin(timeoutMs / 2, alerts?.stop());
      await archive.stop({ timeoutMs: remainingMs() });
      // A connection that hangs is given up by its own timeout: nothing of ours waits for that.
      const pools = rulesDatabase === undefined ? [database] : [rulesDatabase, database];
      await settleWithin(Math.max(remainingMs(), CLOSE_MS), Promise.all(pools.map((pool) => closeDatabase(pool))));
    },
  };
}

/** Waits for the promise to settle, but not longer than `ms`. */
async function settleWithin(ms: number, promise: Promise<unknown> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise((done) => {
    timer = setTimeout(done, ms);
  });
  await Promise.race([promise?.catch(() => {}), deadline]);
  clearTimeout(timer);
}

const NO_RULES_ROLE =
  'alerts are off: set KEEPWATCH_ALERTS_DATABASE_URL to log in as keepwatch_rules (made by `keepwatch migrate --roles`), or alerts.role: owner';

function openRulesDatabase(config: Config, url: string): Database | undefined {
  const rulesUrl = config.alertsDatabaseUrl ?? (config.alertsRole === 'owner' ? url : undefined);
  return rulesUrl === undefined ? undefined : createDatabase({ url: rulesUrl, max: 2, applicationName: 'keepwatch rules' });
}

function openAlerts(config: Config, database: Database, rulesDatabase: Database, logger: Logger): Alerts {
  const { groups, problems } = loadRules(config.rules, process.cwd(), { receivers: config.receivers.map(({ name }) => name) });
  if (problems.length > 0) logger.error({ problems }, `rules that are left out:\n${formatProblems(problems)}`);
  return createAlerts({
    database,
    rulesDatabase,
    role: config.alertsRole,
    groups,
    problems,
    receivers: config.receivers,
    route: config.route,
    cron: config.alertsCron,
    logger,
  });
}
