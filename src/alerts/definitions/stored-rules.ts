// Rules that the API made, in Postgres. Each change locks the one row of alert_definition_revision first, and moves it on once it is done: so writers
// come one after another, the record of a change is in the transaction that makes it, and evaluators see by one number that there is something new,
// which what was refused is not.
import { type Database, inTransaction, type Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import { formatDuration } from '../../units.ts';
import type { ChangeRecord } from './change-record.ts';
import type { WriteOutcome } from './write-outcome.ts';

/** A row of alert_rule. */
export interface StoredRule {
  readonly uid: string;
  readonly group: string;
  readonly every_ms: number;
  /** As it would stand in a rule file. */
  readonly definition: Readonly<Record<string, unknown>>;
  readonly enabled: boolean;
  /** Grows by 1 with each change. */
  readonly version: number;
  /** ISO 8601 in UTC. */
  readonly created_at: string;
  readonly updated_at: string;
}

/** A row of alert_rule_audit. */
export type RuleChange = ChangeRecord<RuleAction>;

export type RuleAction = 'create' | 'update' | 'enable' | 'disable' | 'delete';

/** What of a rule is kept. */
export type RuleContent = Pick<StoredRule, 'group' | 'every_ms' | 'definition' | 'enabled'>;

export interface StoredRules {
  /** In the order of groups and uids. */
  list(): Promise<readonly StoredRule[]>;
  read(uid: string): Promise<StoredRule | undefined>;
  /** Changes of a rule, the newest first, 100 at most. */
  changes(uid: string): Promise<readonly RuleChange[]>;
  /** `conflict`: there is one of this uid. @throws KeepwatchError ERR_RULES_INVALID for one too many, or one that does not fit its group */
  create(uid: string, content: RuleContent, actor: string): Promise<WriteOutcome<StoredRule>>;
  /** @throws KeepwatchError ERR_RULES_INVALID for one that does not fit its group */
  replace(uid: string, version: number, content: RuleContent, actor: string): Promise<WriteOutcome<StoredRule>>;
  setEnabled(uid: string, version: number, enabled: boolean, actor: string): Promise<WriteOutcome<StoredRule>>;
  remove(uid: string, version: number, actor: string): Promise<WriteOutcome<StoredRule>>;
}

/** Rules at most. */
export const MAX_STORED_RULES = 5000;

const LIST = loadSql('alerts/list-stored-rules');
const READ = loadSql('alerts/read-stored-rule');
const CHANGES = loadSql('alerts/list-rule-changes');
const LOCK_REVISION = loadSql('alerts/lock-revision');
const MOVE_REVISION = loadSql('alerts/move-revision');
const CHECK_ROOM = loadSql('alerts/check-rule-room');
const WRITE = loadSql('alerts/write-stored-rule');
const DELETE = loadSql('alerts/delete-stored-rule');
const RECORD = loadSql('alerts/insert-rule-change');

export function createStoredRules(database: Database): StoredRules {
  const change = (
    uid: string,
    work: (transaction: Transaction, current: StoredRule | undefined) => Promise<WriteOutcome<StoredRule>>,
  ) =>
    inTransaction(database, async (transaction) => {
      await transaction.one(LOCK_REVISION);
      const current = (await transaction.oneOrNone<StoredRule>(READ, { uid })) ?? undefined;
      const outcome = await work(transaction, current);
      if (outcome.outcome === 'done') await transaction.none(MOVE_REVISION);
      return outcome;
    });
  return {
    list: () => database.any<StoredRule>(LIST),
    read: async (uid) => (await database.oneOrNone<StoredRule>(READ, { uid })) ?? undefined,
    changes: (uid) => database.any<RuleChange>(CHANGES, { uid }),
    create: (uid, content, actor) =>
      change(uid, async (transaction, current) => {
        if (current !== undefined) return { outcome: 'conflict', current };
        await checkRoom(transaction, uid, content);
        return write(transaction, { uid, content, actor, action: 'create', before: undefined });
      }),
    replace: (uid, version, content, actor) =>
      change(uid, async (transaction, current) => {
        if (current?.version !== version) return differs(current);
        await checkRoom(transaction, uid, content);
        return write(transaction, { uid, content, actor, action: 'update', before: current });
      }),
    setEnabled: (uid, version, enabled, actor) =>
      change(uid, async (transaction, current) => {
        if (current?.version !== version) return differs(current);
        const action = enabled ? 'enable' : 'disable';
        return write(transaction, { uid, content: { ...current, enabled }, actor, action, before: current });
      }),
    remove: (uid, version, actor) =>
      change(uid, async (transaction, current) => {
        if (current?.version !== version) return differs(current);
        await transaction.none(DELETE, { uid });
        await record(transaction, { uid, actor, action: 'delete', version, before: current, after: undefined });
        return { outcome: 'done', current };
      }),
  };
}

function differs(current: StoredRule | undefined): WriteOutcome<StoredRule> {
  return current === undefined ? { outcome: 'missing' } : { outcome: 'conflict', current };
}

/** All rules of a group are evaluated for the same slots. */
async function checkRoom(transaction: Transaction, uid: string, { group, every_ms, definition }: RuleContent): Promise<void> {
  const alert = String(definition['alert']);
  const found = await transaction.one<{ rules: number; every_ms: number | null; is_taken: boolean }>(CHECK_ROOM, {
    uid,
    group,
    alert,
  });
  if (found.rules >= MAX_STORED_RULES)
    throw new KeepwatchError('ERR_RULES_INVALID', `there are ${MAX_STORED_RULES} rules of the API already; allowed: no more`);
  if (found.is_taken)
    throw new KeepwatchError(
      'ERR_RULES_INVALID',
      `rule.alert: got "${alert}"; allowed: a name that no other rule of the group "${group}" has`,
    );
  if (found.every_ms === null || found.every_ms === every_ms) return;
  const [given, allowed] = [formatDuration(every_ms), formatDuration(found.every_ms)];
  throw new KeepwatchError(
    'ERR_RULES_INVALID',
    `every: got ${given}; allowed: ${allowed}, as the other rules of the group "${group}" have, or another group`,
  );
}

interface Change {
  readonly uid: string;
  readonly content: RuleContent;
  readonly actor: string;
  readonly action: RuleAction;
  readonly before: StoredRule | undefined;
}

async function write(
  transaction: Transaction,
  { uid, content, actor, action, before }: Change,
): Promise<WriteOutcome<StoredRule>> {
  const { group, every_ms: everyMs, definition, enabled } = content;
  const current = await transaction.one<StoredRule>(WRITE, { uid, group, everyMs, definition, enabled });
  await record(transaction, { uid, actor, action, version: current.version, before, after: current });
  return { outcome: 'done', current };
}

async function record(
  transaction: Transaction,
  {
    before,
    after,
    ...change
  }: {
    uid: string;
    actor: string;
    action: RuleAction;
    version: number;
    before: StoredRule | undefined;
    after: StoredRule | undefined;
  },
): Promise<void> {
  await transaction.none(RECORD, { ...change, before: contentOf(before), after: contentOf(after) });
}

function contentOf(rule: StoredRule | undefined): string | null {
  if (rule === undefined) return null;
  const { group, every_ms, definition, enabled, version } = rule;
  return JSON.stringify({ group, every_ms, definition, enabled, version });
}
