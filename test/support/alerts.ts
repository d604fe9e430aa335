// What tests of alerts share: a migrated database with its rules role, events at any time, rules from YAML text.
import { createDestinations, type DestinationsOf } from '../../src/alerts/delivery/destination.ts';
import { Dispatcher } from '../../src/alerts/delivery/dispatcher.ts';
import { Evaluator, type EvaluatorOptions } from '../../src/alerts/evaluator.ts';
import type { Rule, RuleGroup } from '../../src/alerts/rule.ts';
import { type LoadedRules, readRules } from '../../src/alerts/rule-file.ts';
import { loadSqlParser } from '../../src/alerts/sql-parser.ts';
import { closeDatabase, type Database } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { openRulesDatabase } from './rules-role.ts';

/** A restart that leaves no lease to wait for. */
const EVALUATOR_ID = '4d0b6b6e-0000-4000-8000-000000000001';

const DAY_MS = 86_400_000;
/** Of tests. */
const RECEIVERS = ['pager', 'mail', 'chat'];

export interface FixtureOptions extends Partial<EvaluatorOptions> {
  /** Where messages of a rule go; default: pager. */
  receiversOf?(rule: Pick<Rule, 'notify'>): readonly string[];
}

/** Tells each alert alone, at once, to receivers that are chosen by rule. */
export function destinationsTo(receiversOf: (rule: Pick<Rule, 'notify'>) => readonly string[]): DestinationsOf {
  return (rules, alert) => {
    const notify = [...new Set(rules.flatMap((rule) => receiversOf(rule)))];
    const receivers = notify.map((name) => ({ name, kind: 'webhook' as const }));
    return createDestinations({ receivers })([{ notify }], alert);
  };
}

/** An evaluator whose changes are in the outbox when it has committed them. */
class TellingEvaluator extends Evaluator {
  readonly #dispatcher: Dispatcher;
  readonly #receivers: readonly string[];

  constructor(options: EvaluatorOptions) {
    super(options);
    const { database, receivers, logger } = options;
    this.#receivers = receivers;
    this.#dispatcher = new Dispatcher({ database, receivers, logger, maxDeliveryAgeMs: DAY_MS });
  }

  override async evaluateGroup(...given: Parameters<Evaluator['evaluateGroup']>) {
    const result = await super.evaluateGroup(...given);
    await this.#dispatcher.dispatch();
    return result;
  }

  override async run() {
    const result = await super.run();
    return (await this.#dispatcher.dispatch()) ? { ...result, dueReceivers: this.#receivers } : result;
  }
}

export interface AlertsFixture {
  readonly test: TestDatabase;
  readonly database: Database;
  readonly rulesDatabase: Database;
  /** A new evaluator on the same database, as after a restart. */
  createEvaluator(groups: readonly RuleGroup[], options?: FixtureOptions): Evaluator;
  /** Puts what there is to tell into the outbox. */
  dispatch(): Promise<void>;
  close(): Promise<void>;
}

export async function openAlertsFixture(): Promise<AlertsFixture> {
  await loadSqlParser();
  const test = await createTestDatabase();
  const rulesDatabase = await openRulesDatabase(test);
  return {
    test,
    database: test.database,
    rulesDatabase,
    createEvaluator: (groups, { receiversOf = () => ['pager'], ...options } = {}) =>
      new TellingEvaluator({
        database: test.database,
        rulesDatabase,
        groups,
        receivers: ['pager'],
        destinationsOf: destinationsTo(receiversOf),
        evaluatorId: EVALUATOR_ID,
        logger: silentLogger,
        ...options,
      }),
    async dispatch() {
      const { database } = test;
      await new Dispatcher({ database, receivers: RECEIVERS, logger: silentLogger, maxDeliveryAgeMs: DAY_MS }).dispatch();
    },
    async close() {
      await closeDatabase(rulesDatabase);
      await test.drop();
    },
  };
}

/** The groups of a YAML text, as if it were a rule file. @throws when it has any problem */
export function parseRules(yaml: string): readonly RuleGroup[] {
  const { groups, problems } = loadText(yaml);
  if (problems.length > 0) throw new Error(problems.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  return groups;
}

/** What a rule file with this text gives. */
export function loadText(yaml: string, options: { receivers?: readonly string[] } = {}): LoadedRules {
  return readRules(yaml, 'rules.yaml', options);
}

export interface EventsToInsert {
  readonly count: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly failures?: number;
  readonly durationMs?: number;
  readonly name?: string;
}

/** Inserts events spread evenly over [fromMs, toMs), the first of them failures. */
export async function insertEvents(database: Database, events: EventsToInsert): Promise<void> {
  await database.none(
    `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, name, type, status, service)
     select gen_random_uuid(), at, at, $<durationMs>, 1, $<name>, 'api', case when n <= $<failures> then 'failure' else 'success' end, 'shop'
     from generate_series(1, $<count>) n,
       lateral (select to_timestamp(($<fromMs> + ($<toMs> - $<fromMs>) * (n - 1) / $<count>::float8) / 1000) as at) times`,
    { failures: 0, durationMs: 100, name: 'POST /chat', ...events },
  );
}
