// The budgets in Postgres: read, and changed by whoever says which version they have seen. What rules make of them stands in the short form budget.
import { type Database, sqlState } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import type { BudgetDraft } from './budget-schema.ts';
import type { WriteOutcome } from './write-outcome.ts';

export interface Budget extends BudgetDraft {
  readonly name: string;
  /** Grows by 1 with each change. */
  readonly version: number;
  /** ISO 8601 in UTC. */
  readonly created_at: string;
  readonly updated_at: string;
}

export interface Budgets {
  /** In the order of their names. */
  list(): Promise<readonly Budget[]>;
  read(name: string): Promise<Budget | undefined>;
  /** `conflict`: there is one of this name. @throws KeepwatchError ERR_USAGE for a zone that this Postgres does not know, or one too many */
  create(name: string, draft: BudgetDraft): Promise<WriteOutcome<Budget>>;
  /** @throws KeepwatchError ERR_USAGE for a zone that this Postgres does not know */
  replace(name: string, version: number, draft: BudgetDraft): Promise<WriteOutcome<Budget>>;
  remove(name: string, version: number): Promise<WriteOutcome<Budget>>;
}

/** Budgets at most: each is a series of a rule. */
export const MAX_BUDGETS = 1000;

const LIST = loadSql('alerts/list-budgets');
const READ = loadSql('alerts/read-budget');
const INSERT = loadSql('alerts/insert-budget');
const UPDATE = loadSql('alerts/update-budget');
const DELETE = loadSql('alerts/delete-budget');
const INVALID_PARAMETER = '22023';

export function createBudgets(database: Database): Budgets {
  const read = async (name: string) => (await database.oneOrNone<Budget>(READ, { name })) ?? undefined;
  /** What stands there when nothing was changed. */
  const settle = async (changed: Budget | null, name: string): Promise<WriteOutcome<Budget>> => {
    if (changed !== null) return { outcome: 'done', current: changed };
    const current = await read(name);
    return current === undefined ? { outcome: 'missing' } : { outcome: 'conflict', current };
  };
  const write = async (
    statement: typeof INSERT,
    values: BudgetDraft & { readonly name: string; readonly version?: number; readonly most?: number },
  ) => {
    try {
      return await database.oneOrNone<Budget>(statement, values);
    } catch (error) {
      if (sqlState(error) !== INVALID_PARAMETER) throw error;
      throw new KeepwatchError('ERR_USAGE', `timezone: got "${values.timezone}"; allowed: a time zone that Postgres knows`, {
        cause: error,
      });
    }
  };
  return {
    list: () => database.any<Budget>(LIST),
    read,
    async create(name, draft) {
      const outcome = await settle(await write(INSERT, { name, ...draft, most: MAX_BUDGETS }), name);
      if (outcome.outcome !== 'missing') return outcome;
      throw new KeepwatchError('ERR_USAGE', `there are ${MAX_BUDGETS} budgets already; allowed: no more`);
    },
    async replace(name, version, draft) {
      return settle(await write(UPDATE, { name, version, ...draft }), name);
    },
    async remove(name, version) {
      return settle(await database.oneOrNone<Budget>(DELETE, { name, version }), name);
    },
  };
}
