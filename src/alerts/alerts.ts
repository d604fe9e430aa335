// The room's front door: a schedule that evaluates what is due and delivers what is owed, and what others may ask about it.
import type { Database } from '../db/database.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Routing } from '../routing/routing.ts';
import { type Schedule, startSchedule } from '../schedule.ts';
import { type FileProblem, formatProblems } from '../yaml-file.ts';
import { createDestinations } from './delivery/destination.ts';
import { Dispatcher } from './delivery/dispatcher.ts';
import { atOnceOf, digestOverOf, failuresToOf, paceOf } from './delivery/receiver-limits.ts';
import { lintRouting } from './delivery/routing-lint.ts';
import type { EvaluationNumbers } from './evaluation-counts.ts';
import { Evaluator, type GroupResult, type Pass } from './evaluator.ts';
import { type DeliveryOutcome, Outbox } from './outbox.ts';
import { Pruning } from './pruning.ts';
import type { Receivers } from './receivers/receivers.ts';
import { type AlertsData, type RulesChoice, type RulesData, readAlerts, readRules } from './responses.ts';
import type { RuleGroup } from './rule.ts';
import type { MergedRules, RuleSource } from './rule-source.ts';
import { checkQueries, checkRulesRole, toFileProblems } from './rules-check.ts';
import { type StateCount, StateCounts } from './state-counts.ts';

export interface AlertsOptions {
  /** The owner of the schema: state, transitions, outbox. */
  readonly database: Database;
  /** Connected as keepwatch_rules: queries of rules, and nothing else. */
  readonly rulesDatabase: Database;
  readonly groups: readonly RuleGroup[];
  /** Rules that change while the process runs, those of `groups` among them; default: none do. */
  readonly ruleSource?: RuleSource | undefined;
  /** What `loadRules` found wrong; shown by `rulesResponse`. */
  readonly problems: readonly FileProblem[];
  /** Who sends messages; none: transitions record that nobody was told. */
  readonly receivers: Pick<Receivers, 'names' | 'send' | 'list'>;
  /** Who hears of what, when; default: the first receiver hears of rules without `notify`, at once. */
  readonly routing?: Routing | undefined;
  /** Whose rules they are: processes of one name follow each other's newest rules. Default `default`. */
  readonly ruleSet?: string | undefined;
  /** Unique to this process; default: a new one. */
  readonly evaluatorId?: string | undefined;
  /** When to look for due groups. */
  readonly cron: string;
  readonly logger: Logger;
  /** `owner`: rules may run as any role; the check of the role is left out. Default `rules`. */
  readonly role?: 'rules' | 'owner' | undefined;
  /** How long a message is tried to be delivered; default 24 h. */
  readonly maxDeliveryAgeMs?: number | undefined;
}

/**
 * For self-metrics. States are those of Postgres: as of what this process committed last, or as of when they were asked for last, if that is 15 s ago.
 * The rest counts since the start of the process.
 */
export interface AlertNumbers extends EvaluationNumbers {
  readonly states: readonly StateCount[];
  readonly notifications: readonly { readonly receiver: string; readonly outcome: DeliveryOutcome; readonly count: number }[];
}

export interface Alerts {
  /**
   * Checks role and queries, then ticks. May be called again when it rejected.
   * @throws KeepwatchError ERR_RULES_ROLE when rules could do more than read; the error of the connection when the database does not answer
   */
  start(): Promise<void>;
  /** No new tick, no new query; resolves when the queries and the messages under way are done. */
  stop(): Promise<void>;
  /** One pass: evaluates what is due, then delivers until nothing is due. Never rejects. */
  tick(): Promise<void>;
  /** The `data` of `/api/v1/rules`. */
  rulesResponse(): Promise<RulesData>;
  /** The `data` of `/api/v1/alerts`. */
  alertsResponse(): Promise<AlertsData>;
  numbers(): AlertNumbers;
}

const OWNER_WARNING = 'alerts.role: owner: rules run as the owner, who may do everything';
const DAY_MS = 86_400_000;
const KEEP_ALIVE_MS = 1000;

/** Builds the room; nothing runs before `start` (or `tick`). */
export function createAlerts(options: AlertsOptions): Alerts {
  return new AlertsRunner(options);
}

class AlertsRunner implements Alerts {
  readonly #options: AlertsOptions;
  readonly #evaluator: Evaluator;
  readonly #dispatcher: Dispatcher;
  readonly #outbox: Outbox;
  readonly #pruning: Pruning;
  readonly #states: StateCounts;
  #schedule: Schedule | undefined;
  /** What was begun and not waited for. */
  readonly #unfinished = new Set<Promise<void>>();
  #rules: MergedRules;
  #queryProblems: readonly FileProblem[] = [];
  #isFailing = false;
  #isStopped = false;

  constructor(options: AlertsOptions) {
    this.#options = options;
    const { ruleSource } = options;
    this.#rules = { groups: options.groups, problems: options.problems, warnings: [], origins: new Map(), revision: 0 };
    const {
      database,
      rulesDatabase,
      groups,
      ruleSet,
      evaluatorId,
      logger,
      receivers,
      routing,
      maxDeliveryAgeMs = DAY_MS,
    } = options;
    const { names } = receivers;
    const list = receivers.list();
    const destinationsOf = createDestinations({ ...routing, receivers: list });
    this.#evaluator = new Evaluator({
      database,
      rulesDatabase,
      groups,
      rulesOf: ruleSource && ((revision) => this.#load(ruleSource, revision)),
      areFilesWhole: options.problems.length === 0,
      ruleSet,
      evaluatorId,
      logger,
      receivers: names,
      destinationsOf,
    });
    this.#pruning = new Pruning({ database, logger });
    this.#states = new StateCounts(database);
    this.#dispatcher = new Dispatcher({
      ...{ database, receivers: names, logger, maxDeliveryAgeMs },
      inhibitRules: routing?.inhibitRules,
      flapDamping: routing?.flapDamping,
      digestOver: digestOverOf(list),
    });
    this.#outbox = new Outbox({
      ...{ database, receivers: names, logger },
      send: (name, message) => receivers.send(name, message),
      paceOf: paceOf(list),
      atOnceOf: atOnceOf(list),
      failuresTo: failuresToOf(list),
    });
  }

  async start(): Promise<void> {
    if (this.#schedule !== undefined || this.#isStopped) return;
    const { rulesDatabase, ruleSource, logger, cron, role = 'rules' } = this.#options;
    const doors = role === 'rules' ? await checkRulesRole(rulesDatabase) : [OWNER_WARNING];
    if (doors.length > 0)
      logger.warn({ doors }, `only the parser of rules keeps their SQL from these (docs/security.md):\n${doors.join('\n')}`);
    if (ruleSource !== undefined) this.#evaluator.replaceRules(await this.#load(ruleSource));
    this.#queryProblems = await this.#checkQueries();
    await this.#states.read();
    if (this.#isStopped) return;
    this.#schedule = startSchedule(cron, () => this.#tickOnce());
  }

  /** Says what Postgres makes of the queries. @returns what is wrong with them */
  async #checkQueries(): Promise<readonly FileProblem[]> {
    const { rulesDatabase, logger } = this.#options;
    const found = await checkQueries(this.#rules.groups, rulesDatabase);
    const [refused, flawed] = [toFileProblems(found.refused), toFileProblems(found.flawed)];
    const warnings = toFileProblems(found.warnings);
    if (refused.length > 0) logger.error({ problems: refused }, `rules that cannot be evaluated:\n${formatProblems(refused)}`);
    if (flawed.length > 0)
      logger.warn({ problems: flawed }, `rules that are evaluated, and of which something is wrong:\n${formatProblems(flawed)}`);
    if (warnings.length > 0) logger.warn({ warnings }, `rules that may not be meant so:\n${formatProblems(warnings)}`);
    const { routing } = this.#options;
    // Alerts of the API and of targets may have other labels; a database that is away knows none.
    const odd = routing === undefined || !found.isComplete ? [] : lintRouting(routing, found.labels);
    if (odd.length > 0) logger.warn({ warnings: odd }, `routes that may not be meant so:\n${odd.join('\n')}`);
    return [...refused, ...flawed];
  }

  /** Says what is wrong with rules that came by the API; files were told of when they were read. */
  async #load(source: RuleSource, revision?: number): Promise<MergedRules> {
    const rules = await source.load(revision);
    if (rules === this.#rules) return rules;
    this.#rules = rules;
    const problems = rules.problems.slice(this.#options.problems.length);
    if (problems.length > 0) this.#options.logger.error({ problems }, `rules that are left out:\n${formatProblems(problems)}`);
    return rules;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#schedule?.stop();
    await this.#release();
    await Promise.all([...this.#unfinished, this.#pruning.stop(), this.#states.stop()]);
    await this.#dispatcher.stop();
    await this.#outbox.stop();
  }

  async tick(): Promise<void> {
    const pass = await this.#begin();
    const owing = await this.#finish(pass);
    await this.#tell(pass.isDispatchDue || owing.length > 0, pass.dueReceivers);
  }

  /** What is due, and what that leads to. Never rejects. */
  async #tell(isDispatchDue: boolean, dueReceivers: readonly string[]): Promise<void> {
    const { names } = this.#options.receivers;
    const [hasMessages] = await Promise.all([isDispatchDue && this.#dispatcher.dispatch(), this.#outbox.deliver(dueReceivers)]);
    if (hasMessages) await this.#outbox.deliver(names);
  }

  /** What cannot be told to Postgres is over when the lease is. */
  async #release(): Promise<void> {
    try {
      await this.#evaluator.release();
    } catch (error) {
      this.#options.logger.warn({ error: describeError(error) }, 'other evaluators have to wait for the end of the lease');
    }
  }

  /** What cron calls: it waits neither for groups nor for receivers, so that a slow one delays nothing else. */
  async #tickOnce(): Promise<void> {
    const pass = await this.#begin();
    void this.#tell(pass.isDispatchDue, pass.dueReceivers);
    if (pass.groups.length > 0) this.#pruning.tick();
    const tell = ({ notifications }: GroupResult) => (notifications > 0 ? this.#tell(true, []) : undefined);
    for (const group of pass.groups) void group.then(tell);
    const finished = this.#finish(pass).then(() => void this.#unfinished.delete(finished));
    this.#unfinished.add(finished);
  }

  /** Begins a pass. Never rejects. */
  async #begin(): Promise<Pass> {
    const { logger } = this.#options;
    try {
      const pass = await this.#evaluator.begin();
      if (this.#isFailing) logger.info({}, 'alerts are evaluated again');
      this.#isFailing = false;
      return pass;
    } catch (error) {
      if (!this.#isFailing)
        logger.warn({ error: describeError(error) }, 'alerts cannot be evaluated; tried again with every tick');
      this.#isFailing = true;
      return { isDispatchDue: false, dueReceivers: [], groups: [] };
    }
  }

  /** Waits for what a pass has begun. Never rejects. @returns the groups that owe messages */
  async #finish({ groups }: Pass): Promise<readonly GroupResult[]> {
    // Groups may take longer than a lease. What cannot be renewed is over, and the commit finds out.
    const renewal = setInterval(() => void this.#evaluator.keepAlive().catch(() => {}), KEEP_ALIVE_MS).unref();
    const results = await Promise.all(groups);
    clearInterval(renewal);
    if (results.some(({ committed }) => committed > 0)) await this.#states.read();
    return results.filter(({ notifications }) => notifications > 0);
  }

  /** Of the rules of now: who has just made one finds it. */
  async rulesResponse(choice?: RulesChoice): Promise<RulesData> {
    const { groups, problems, origins } = (await this.#options.ruleSource?.load()) ?? this.#rules;
    return readRules(this.#options.database, { groups, problems: [...problems, ...this.#queryProblems], origins }, choice);
  }

  alertsResponse(): Promise<AlertsData> {
    return readAlerts(this.#options.database);
  }

  numbers(): AlertNumbers {
    const names = this.#rules.groups.flatMap((group) => group.rules.map((rule) => rule.name));
    return {
      states: this.#states.of(names),
      notifications: this.#outbox.counts,
      ...this.#evaluator.numbers,
    };
  }
}
