// What any process with a database knows of alerts, whether it evaluates rules or not: what became of them, budgets, targets.
import type { Database } from '../../db/database.ts';
import {
  type EvaluationEntry,
  type EvaluationsQuery,
  readEvaluations,
  readTransitions,
  type TransitionEntry,
  type TransitionsQuery,
  wasEvaluated,
} from '../history.ts';
import { type Retention, retentionProblem } from './budget-retention.ts';
import { budgetSchema, namedBudgetSchema } from './budget-schema.ts';
import { type Budget, type BudgetChange, createBudgets } from './budgets.ts';
import { checkDraft } from './check-draft.ts';
import { forgetSchema } from './forget-schema.ts';
import { type Forgotten, forgetSeries } from './forget-series.ts';
import { type MeasuredTarget, measureTargets, type TargetFilter } from './targets.ts';
import type { WriteOutcome } from './write-outcome.ts';

/** A budget, with what keeps its sum from being right. */
export interface BudgetEntry extends Budget {
  readonly warnings: readonly string[];
}

export interface Definitions {
  /** @throws KeepwatchError ERR_USAGE when the cursor is none of ours */
  history(query: TransitionsQuery): Promise<{ transitions: readonly TransitionEntry[]; cursor?: string }>;
  /** Undefined: no such rule was ever evaluated. @throws KeepwatchError ERR_USAGE when the cursor is none of ours */
  evaluations(query: EvaluationsQuery): Promise<{ evaluations: readonly EvaluationEntry[]; cursor?: string } | undefined>;
  targets(query: TargetFilter): Promise<{ from: string; to: string; targets: readonly MeasuredTarget[] }>;
  listBudgets(): Promise<readonly BudgetEntry[]>;
  readBudget(name: string): Promise<BudgetEntry | undefined>;
  /** @throws KeepwatchError ERR_USAGE naming all that is wrong with it */
  createBudget(given: unknown, actor: string): Promise<WriteOutcome<BudgetEntry>>;
  /** @throws KeepwatchError ERR_USAGE naming all that is wrong with it */
  replaceBudget(name: string, version: number, given: unknown, actor: string): Promise<WriteOutcome<BudgetEntry>>;
  removeBudget(name: string, version: number, actor: string): Promise<WriteOutcome<BudgetEntry>>;
  /** Newest first; undefined: there never was such a budget. */
  budgetChanges(name: string): Promise<readonly BudgetChange[] | undefined>;
  /** @throws KeepwatchError ERR_USAGE naming all that is wrong with what is given */
  forget(given: unknown, actor: string): Promise<Forgotten>;
}

const FOR_EVER: Retention = { retention: Number.POSITIVE_INFINITY, rollupRetention: Number.POSITIVE_INFINITY };

/** @param database may read what was evaluated and measured, and write budgets @param retention default: for ever */
export function createDefinitions(database: Database, retention: Retention = FOR_EVER): Definitions {
  const budgets = createBudgets(database);
  const toEntry = (budget: Budget): BudgetEntry => ({ ...budget, warnings: [retentionProblem(budget, retention) ?? []].flat() });
  const told = async (change: Promise<WriteOutcome<Budget>>): Promise<WriteOutcome<BudgetEntry>> => {
    const outcome = await change;
    return outcome.outcome === 'missing' ? outcome : { ...outcome, current: toEntry(outcome.current) };
  };
  return {
    history: (query) => readTransitions(database, query),
    async evaluations(query) {
      const page = await readEvaluations(database, query);
      return page.evaluations.length > 0 || (await wasEvaluated(database, query.uid)) ? page : undefined;
    },
    async targets(query) {
      const targets = await measureTargets(database, query);
      return { from: query.from.toISOString(), to: query.to.toISOString(), targets };
    },
    listBudgets: async () => (await budgets.list()).map(toEntry),
    async readBudget(name) {
      const budget = await budgets.read(name);
      return budget && toEntry(budget);
    },
    async createBudget(given, actor) {
      const { name, ...draft } = checkDraft(namedBudgetSchema, given);
      return told(budgets.create(name, draft, actor));
    },
    async replaceBudget(name, version, given, actor) {
      return told(budgets.replace(name, version, checkDraft(budgetSchema, given), actor));
    },
    removeBudget: (name, version, actor) => told(budgets.remove(name, version, actor)),
    async budgetChanges(name) {
      const changes = await budgets.changes(name);
      return changes.length === 0 && (await budgets.read(name)) === undefined ? undefined : changes;
    },
    // Async, so that what is given wrongly rejects.
    forget: async (given, actor) => forgetSeries(database, checkDraft(forgetSchema, given), { actor }),
  };
}
