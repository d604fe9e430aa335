// The half of the composition that needs a database: pool, schema, archive, queries, alerts. Loaded only where one is configured.
import { type Alerts, createAlerts } from './alerts/alerts.ts';
import { openOwnerConnections, openRulesConnections } from './alerts/connections.ts';
import { retentionProblem } from './alerts/definitions/budget-retention.ts';
import { createBudgets } from './alerts/definitions/budgets.ts';
import { createDefinitions, type Definitions } from './alerts/definitions/definitions.ts';
import { TargetKeeper } from './alerts/definitions/target-keeper.ts';
import { createDeliveryDesk, type DeliveryDesk } from './alerts/delivery/delivery-desk.ts';
import { createReceivers, type Receivers } from './alerts/receivers/receivers.ts';
import { createRuleEditor, type RuleEditor } from './alerts/rule-editor.ts';
import { type LoadedRules, loadRules } from './alerts/rule-file.ts';
import { createRuleSource } from './alerts/rule-source.ts';
import { loadSqlParser } from './alerts/sql-parser.ts';
import { type Archive, createArchive } from './archive/archive.ts';
import { prune } from './archive/maintenance/prune.ts';
import { type ArchiveQueries, createArchiveQueries } from './archive/queries.ts';
import type { Config } from './config.ts';
import { closeDatabase, createDatabase, type Database } from './db/database.ts';
import { migrate } from './db/migrate.ts';
import { describeError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { EventReader } from './metrics-history.ts';
import { toRouting } from './routing/routing-config.ts';
import type { Target } from './target.ts';
import { within } from './within.ts';
import { formatProblems } from './yaml-file.ts';

export interface StorageOptions {
  readonly config: Config;
  readonly url: string;
  readonly wantsAlerts: boolean;
  readonly logger: Logger;
  readonly now: () => number;
  /** Asks the tracker to hand on what it has. */
  readonly collect: () => void;
  /** What the code has declared so far. */
  readonly targets: () => readonly Target[];
}

export interface Storage {
  readonly archive: Archive;
  readonly queries: ArchiveQueries;
  readonly reader: EventReader;
  readonly alerts: Alerts | undefined;
  /** Undefined: this process evaluates no rules. */
  readonly ruleEditor: RuleEditor | undefined;
  readonly definitions: Definitions;
  readonly delivery: DeliveryDesk;
  /** Undefined: as `ruleEditor`. */
  readonly receivers: Receivers | undefined;
  reasons(): readonly string[];
  start(): Promise<void>;
  stop(options: { timeoutMs: number }): Promise<void>;
}

/** As many questions as the API asks the archive at once. */
const READERS = 4;
const RETRY_MS = 2000;
/** Time for the goodbye of idle connections, even when all other time is used up. */
const CLOSE_MS = 500;
/** How long `start` waits for a database that does not answer; what it has begun goes on. */
const START_WAIT_MS = 5000;

/** Opens nothing yet; `start` does, and goes on trying while Postgres is away. */
export async function createStorage(options: StorageOptions): Promise<Storage> {
  const { config, logger } = options;
  const openPool = (applicationName: string, max: number) =>
    createDatabase({ url: options.url, max, applicationName, holdsProcess: false });
  const database = openOwnerConnections(options.url, `keepwatch ${config.service}`);
  // Whoever reads much takes no connection from what evaluates rules.
  const readers = openPool(`keepwatch api ${config.service}`, READERS);
  // As many as they have gates (`src/server/alerts-gates.ts`): history, targets, budgets, silences, deliveries.
  const definers = openPool(`keepwatch definitions ${config.service}`, 5);
  const archive = openArchive(options);
  const { service, instance } = config;
  const targets = new TargetKeeper({ database, service, instance, targets: options.targets, logger });
  if (options.wantsAlerts) await loadSqlParser();
  const rules = options.wantsAlerts ? openRules(config, options.url, database, logger) : undefined;
  const alerts = rules?.alerts;
  let problem: string | undefined = options.wantsAlerts && alerts === undefined ? NO_RULES_ROLE : undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  const warnOfBudgets = async (): Promise<void> => {
    const budgets = await createBudgets(database).list();
    const problems = budgets.flatMap((budget) => retentionProblem(budget, config) ?? []);
    if (problems.length > 0) logger.warn({ problems }, problems.join('\n'));
  };
  /**
   * Schema first, then what works on it. Tried again until it works: a database that is down comes back, a standby is promoted, a missing
   * right is granted. Each problem is said once and shown at /readyz.
   */
  const bringUp = async (): Promise<void> => {
    try {
      await migrate(database);
      await targets.start();
      if (alerts !== undefined) await warnOfBudgets();
      await alerts?.start();
      problem = options.wantsAlerts && alerts === undefined ? NO_RULES_ROLE : undefined;
    } catch (error) {
      if (isStopped) return;
      const message = `not started: ${describeError(error)}`;
      if (message !== problem) logger.warn({ error: describeError(error) }, 'the archive or the alerts could not start');
      problem = message;
      timer = setTimeout(() => void bringUp(), RETRY_MS).unref();
    }
  };
  const queries = createArchiveQueries(readers);
  return {
    archive,
    queries,
    reader: { summary: queries.summary, recent: queries.recent, prune: (keepMs) => pruneDays(options.url, keepMs) },
    alerts,
    ruleEditor: rules?.editor,
    receivers: rules?.receivers,
    definitions: createDefinitions(definers, config),
    delivery: createDeliveryDesk(definers),
    reasons: () => [...(problem === undefined ? [] : [problem]), ...archive.stats().reasons],
    async start() {
      if (!(await within(START_WAIT_MS, bringUp()))) problem ??= 'not started: Postgres does not answer';
      archive.start();
    },
    async stop({ timeoutMs }) {
      isStopped = true;
      clearTimeout(timer);
      const deadlineMs = performance.now() + timeoutMs;
      const leftMs = () => Math.max(0, deadlineMs - performance.now());
      if (alerts !== undefined) await within(timeoutMs / 2, alerts.stop());
      await within(leftMs(), targets.stop());
      await archive.stop({ timeoutMs: leftMs() });
      const pools = [...(rules?.pools ?? []), definers, readers, database];
      const closing = { timeoutMs: Math.max(leftMs(), CLOSE_MS) };
      await Promise.all(pools.map((pool) => closeDatabase(pool, closing)));
    },
  };
}

function openArchive({ config, url, now, collect, logger }: StorageOptions): Archive {
  return createArchive({
    connection: { url, applicationName: `keepwatch ${config.service}` },
    spoolDir: config.spoolDir,
    spoolMaxBytes: config.spoolMax,
    durability: config.durability,
    service: config.service,
    instance: config.instance,
    cron: config.archiveCron,
    now,
    collect,
    ...(config.retention === Infinity ? {} : { keepMs: config.retention }),
    ...(config.rollupRetention === Infinity ? {} : { keepRollupsMs: config.rollupRetention }),
    logger,
  });
}

/** On a connection of its own, which may wait: to count a day that goes takes as long as it takes. */
async function pruneDays(url: string, keepMs: number): Promise<number> {
  const patient = createDatabase({ url, max: 1, applicationName: 'keepwatch prune', queryTimeoutMs: NO_TIMEOUT_MS });
  try {
    return (await prune({ database: patient, keepMs })).days.length;
  } finally {
    await closeDatabase(patient);
  }
}

const NO_TIMEOUT_MS = 2 ** 31 - 1;
const NO_RULES_ROLE =
  'alerts are off: set KEEPWATCH_ALERTS_DATABASE_URL to log in as keepwatch_rules (made by `keepwatch migrate --roles`), or alerts.role: owner';

interface Rules {
  readonly alerts: Alerts;
  readonly editor: RuleEditor;
  readonly receivers: Receivers;
  readonly pools: readonly Database[];
}

/** What works with rules; undefined where there is nobody to run them as. */
function openRules(config: Config, url: string, database: Database, logger: Logger): Rules | undefined {
  const rulesUrl = config.alertsDatabaseUrl ?? (config.alertsRole === 'owner' ? url : undefined);
  if (rulesUrl === undefined) return undefined;
  const rulesDatabase = openRulesConnections(rulesUrl);
  // Whoever tries a query delays no evaluation.
  const previews = createDatabase({ url: rulesUrl, max: 1, applicationName: 'keepwatch preview', holdsProcess: false });
  const receivers = createReceivers(config.receivers, { externalUrl: config.externalUrl, logger });
  const files = loadRules(config.rules, process.cwd(), { receivers: receivers.names });
  return {
    alerts: openAlerts(config, { database, rulesDatabase, files, receivers, logger }),
    editor: createRuleEditor({ database, rulesDatabase: previews, files, receivers: receivers.names, role: config.alertsRole }),
    receivers,
    pools: [rulesDatabase, previews],
  };
}

interface AlertParts {
  readonly database: Database;
  readonly rulesDatabase: Database;
  readonly files: LoadedRules;
  readonly receivers: Receivers;
  readonly logger: Logger;
}

function openAlerts(config: Config, { database, rulesDatabase, files, receivers, logger }: AlertParts): Alerts {
  const { groups, problems, warnings } = files;
  if (problems.length > 0) logger.error({ problems }, `rules that are left out:\n${formatProblems(problems)}`);
  if (warnings.length > 0) logger.warn({ warnings }, `rules that may not be meant so:\n${formatProblems(warnings)}`);
  if (groups.length === 0)
    logger.warn({ rules: config.rules }, `alerts are on, but there is no rule in ${config.rules.join(', ')}`);
  return createAlerts({
    ruleSet: config.service,
    database,
    rulesDatabase,
    role: config.alertsRole,
    groups,
    ruleSource: createRuleSource({ database, files }),
    problems,
    receivers,
    routing: toRouting(config),
    cron: config.alertsCron,
    logger,
  });
}
