// Evaluators in a process of their own: slots one after the other as fast as they go, or ticks by the clock, with statements counted.
import { setTimeout as delay } from 'node:timers/promises';
import { Evaluator } from '../../src/alerts/evaluator.ts';
import type { RuleGroup } from '../../src/alerts/rule.ts';
import { loadSqlParser } from '../../src/alerts/sql-parser.ts';
import { createDatabase, type Database } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { answerParent, cpuUs } from '../child-side.ts';
import { createRules, type RuleKind } from './rules.ts';

export interface Setup {
  readonly url: string;
  readonly rulesUrl: string;
  readonly rules: RuleKind;
  readonly replicas: number;
}

/** One slot of all groups. */
export interface SlotCost {
  /** From the moment in which the slot was due to the commit of each group. */
  readonly latenciesMs: readonly number[];
  readonly cpuMs: number;
  readonly statements: number;
  readonly rssBytes: number;
}

export type EvaluatorMethods = {
  setUp(setup: Setup): Promise<void>;
  /** Evaluates one slot of all groups, as many at a time as an evaluator does. */
  evaluate(slotMs: number): Promise<SlotCost>;
  /** Every evaluator ticks once a second. @returns statements */
  tick(seconds: number): Promise<number>;
};

const CONCURRENCY = 4;
let groups: readonly RuleGroup[] = [];
let evaluators: Evaluator[] = [];
let statements = 0;

/** Counts messages to Postgres: each is a round trip. */
function counting(database: Database): Database {
  database.$pool.on('connect', (client: unknown) => {
    const counted = client as { query: (...given: unknown[]) => unknown };
    const query = counted.query.bind(counted);
    counted.query = (...given) => {
      statements++;
      return query(...given);
    };
  });
  return database;
}

answerParent({
  async setUp({ url, rulesUrl, rules, replicas }) {
    await loadSqlParser();
    groups = createRules(rules);
    evaluators = Array.from(
      { length: replicas },
      () =>
        new Evaluator({
          database: counting(createDatabase({ url, max: CONCURRENCY + 1 })),
          rulesDatabase: counting(createDatabase({ url: rulesUrl, max: CONCURRENCY })),
          groups,
          receivers: ['pager'],
          receiversOf: () => ['pager'],
          maxDeliveryAgeMs: 86_400_000,
          logger: silentLogger,
        }),
    );
  },
  async evaluate(slotMs) {
    const [evaluator] = evaluators;
    if (evaluator === undefined) throw new Error('not set up');
    const before = { cpu: cpuUs(), statements };
    const startedAtMs = performance.now();
    const latenciesMs: number[] = [];
    const waiting = [...groups];
    const work = async () => {
      for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
        const committed = await evaluator.evaluateGroup(group, { slotMs, isPartial: false, missed: 0 });
        if (committed === undefined) throw new Error(`the slot of ${group.name} was not committed`);
        latenciesMs.push(performance.now() - startedAtMs);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    const cost = { cpuMs: (cpuUs() - before.cpu) / 1000, statements: statements - before.statements };
    return { ...cost, latenciesMs, rssBytes: process.resourceUsage().maxRSS * 1024 };
  },
  async tick(seconds) {
    const before = statements;
    for (let second = 0; second < seconds; second++) {
      await Promise.all([...evaluators.map((evaluator) => evaluator.run()), delay(1000)]);
    }
    return statements - before;
  },
} satisfies EvaluatorMethods);
