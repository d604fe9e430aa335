// The budgets in Postgres: read, and changed by whoever says which version they have seen, with a record of each change. What rules make of them
// stands in the short form budget.
import { type Database, inTransaction, sqlState, type Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import type { BudgetDraft } from './budget-schema.ts';
import type { ChangeRecord } from './change-record.ts';
import type { WriteOutcome } from './write-outcome.ts';

export interface Budget extends BudgetDraft {
  readonly name: string;
  /** Grows by 1 with each change. */
  readonly version: number;
  /** ISO 8601 in UTC. */
  readonly created_at: string;
  readonly updated_at: string;
}

/** A change of a budget, from alert_audit. */
export type BudgetChange = ChangeRecord<'create' | 'update' | 'delete'>;

export interface Budgets {
  /** In the order of their names. */
  list(): Promise<readonly Budget[]>;
  read(name: string): Promise<Budget | undefined>;
  /** Newest first, 100 at most; of one that is gone too. */
  changes(name: string): Promise<readonly BudgetChange[]>;
  /** `conflict`: there is one of this name. @throws KeepwatchError ERR_USAGE for a zone that this Postgres does not know, or one too many */
  create(name: string, draft: BudgetDraft, actor: string): Promise<WriteOutcome<Budget>>;
  /** @throws KeepwatchError ERR_USAGE for a zone that this Postgres does not know */
  replace(name: string, version: number, draft: BudgetDraft, actor: string): Promise<WriteOutcome<Budget>>;
  remove(name: string, version: number, actor: string): Promise<WriteOutcome<Budget>>;
}

/** Budgets at most: each is a series of a rule. */
export const MAX_BUDGETS = 1000;

const LIST = loadSql('alerts/list-budgets');
const READ = loadSql('alerts/read-budget');
const INSERT = loadSql('alerts/insert-budget');
const UPDATE = loadSql('alerts/update-budget');
const DELETE = loadSql('alerts/delete-budget');
const CHANGES = loadSql('alerts/list-audit');
const RECORD = loadSql('alerts/insert-audit');
const INVALID_PARAMETER = '22023';

export function createBudgets(database: Database): Budgets {
  return {
    list: () => database.any<Budget>(LIST),
    read: (name) => read(database, name),
    changes: (name) => database.any<BudgetChange>(CHANGES, { kind: 'budget', name }),
    create: (name, draft, actor) =>
      change(database, { name, actor, action: 'create' }, async (transaction) => {
        const outcome = await settle(transaction, name, await write(transaction, INSERT, { name, ...draft, most: MAX_BUDGETS }));
        if (outcome.outcome !== 'missing') return outcome;
        throw new KeepwatchError('ERR_USAGE', `there are ${MAX_BUDGETS} budgets already; allowed: no more`);
      }),
    replace: (name, version, draft, actor) =>
      change(database, { name, actor, action: 'update' }, async (transaction) =>
        settle(transaction, name, await write(transaction, UPDATE, { name, version, ...draft })),
      ),
    remove: (name, version, actor) =>
      change(database, { name, actor, action: 'delete' }, async (transaction) =>
        settle(transaction, name, await transaction.oneOrNone<Budget>(DELETE, { name, version })),
      ),
  };
}

/** Makes a change, and its record with it. A change that is done was done to the version that it names: that is how it stood before. */
function change(
  database: Database,
  { name, actor, action }: Pick<BudgetChange, 'actor' | 'action'> & { readonly name: string },
  work: (transaction: Transaction) => Promise<WriteOutcome<Budget>>,
): Promise<WriteOutcome<Budget>> {
  return inTransaction(database, async (transaction) => {
    const before = action === 'create' ? undefined : await read(transaction, name);
    const outcome = await work(transaction);
    if (outcome.outcome !== 'done') return outcome;
    const { current } = outcome;
    const after = action === 'delete' ? null : contentOf(current);
    const record = { kind: 'budget', name, action, version: current.version, before: before && contentOf(before), after };
    await transaction.none(RECORD, { actor, changes: [record] });
    return outcome;
  });
}

async function read(database: Database | Transaction, name: string): Promise<Budget | undefined> {
  return (await database.oneOrNone<Budget>(READ, { name })) ?? undefined;
}

/** What stands there when nothing was changed. */
async function settle(transaction: Transaction, name: string, changed: Budget | null): Promise<WriteOutcome<Budget>> {
  if (changed !== null) return { outcome: 'done', current: changed };
  const current = await read(transaction, name);
  return current === undefined ? { outcome: 'missing' } : { outcome: 'conflict', current };
}

async function write(
  transaction: Transaction,
  statement: typeof INSERT,
  values: BudgetDraft & { readonly name: string; readonly version?: number; readonly most?: number },
): Promise<Budget | null> {
  try {
    return await transaction.oneOrNone<Budget>(statement, values);
  } catch (error) {
    if (sqlState(error) !== INVALID_PARAMETER) throw error;
    throw new KeepwatchError('ERR_USAGE', `timezone: got "${values.timezone}"; allowed: a time zone that Postgres knows`, {
      cause: error,
    });
  }
}

function contentOf({ name: _name, created_at: _created, updated_at: _updated, ...content }: Budget): object {
  return content;
}
