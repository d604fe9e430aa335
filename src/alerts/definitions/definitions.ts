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
import { budgetSchema, namedBudgetSchema } from './budget-schema.ts';
import { type Budget, createBudgets } from './budgets.ts';
import { checkDraft } from './check-draft.ts';
import { type MeasuredTarget, measureTargets, type TargetFilter } from './targets.ts';
import type { WriteOutcome } from './write-outcome.ts';

export interface Definitions {
  /** @throws KeepwatchError ERR_USAGE when the cursor is none of ours */
  history(query: TransitionsQuery): Promise<{ transitions: readonly TransitionEntry[]; cursor?: string }>;
  /** Undefined: no such rule was ever evaluated. @throws KeepwatchError ERR_USAGE when the cursor is none of ours */
  evaluations(query: EvaluationsQuery): Promise<{ evaluations: readonly EvaluationEntry[]; cursor?: string } | undefined>;
  targets(query: TargetFilter): Promise<{ from: string; to: string; targets: readonly MeasuredTarget[] }>;
  listBudgets(): Promise<readonly Budget[]>;
  readBudget(name: string): Promise<Budget | undefined>;
  /** @throws KeepwatchError ERR_USAGE naming all that is wrong with it */
  createBudget(given: unknown): Promise<WriteOutcome<Budget>>;
  /** @throws KeepwatchError ERR_USAGE naming all that is wrong with it */
  replaceBudget(name: string, version: number, given: unknown): Promise<WriteOutcome<Budget>>;
  removeBudget(name: string, version: number): Promise<WriteOutcome<Budget>>;
}

/** @param database may read what was evaluated and measured, and write budgets */
export function createDefinitions(database: Database): Definitions {
  const budgets = createBudgets(database);
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
    listBudgets: budgets.list,
    readBudget: budgets.read,
    async createBudget(given) {
      const { name, ...draft } = checkDraft(namedBudgetSchema, given);
      return budgets.create(name, draft);
    },
    async replaceBudget(name, version, given) {
      return budgets.replace(name, version, checkDraft(budgetSchema, given));
    },
    removeBudget: budgets.remove,
  };
}
