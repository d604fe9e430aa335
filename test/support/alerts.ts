// What tests of alerts share: a migrated database with its rules role, events at any time, rules from YAML text.
import { Evaluator, type EvaluatorOptions } from '../../src/alerts/evaluator.ts';
import type { RuleGroup } from '../../src/alerts/rule.ts';
import { type LoadedRules, readRules } from '../../src/alerts/rule-file.ts';
import { loadSqlParser } from '../../src/alerts/sql-parser.ts';
import { closeDatabase, type Database } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { openRulesDatabase } from './rules-role.ts';

/** A restart that leaves no lease to wait for. */
const EVALUATOR_ID = '4d0b6b6e-0000-4000-8000-000000000001';

export interface AlertsFixture {
  readonly test: TestDatabase;
  readonly database: Database;
  readonly rulesDatabase: Database;
  /** A new evaluator on the same database, as after a restart. */
  createEvaluator(groups: readonly RuleGroup[], options?: Partial<EvaluatorOptions>): Evaluator;
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
    createEvaluator: (groups, options = {}) =>
      new Evaluator({
        database: test.database,
        rulesDatabase,
        groups,
        receivers: ['pager'],
        receiversOf: () => ['pager'],
        maxDeliveryAgeMs: 86_400_000,
        evaluatorId: EVALUATOR_ID,
        logger: silentLogger,
        ...options,
      }),
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
