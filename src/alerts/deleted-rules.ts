// Ends what rules have left that are gone: deleted, or renamed without a uid of their own. Their alerts end with the reason rule_deleted, and
// who was told of an alert is told of its end. Only by the newest generation of a rule set, and under the lock of each group.
import { type Database, inTransaction } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import { HOLDS_DAYS } from './definitions/targets.ts';
import { endSeries, MAX_ENDED } from './end-series.ts';
import type { StoredInstance } from './instance-row.ts';
import type { RuleGroup } from './rule.ts';
import { TARGET_GROUP } from './rule-defaults.ts';
import { ruleErrorUid } from './rule-error.ts';
import type { RuleSet } from './rule-set.ts';

export interface EndDeletedOptions {
  readonly database: Database;
  /** The set that the groups are of; when it is not the newest of its name, nothing is done. */
  readonly ruleSet: Pick<RuleSet, 'name' | 'hash'>;
  /** Whether `groups` has all that files hold. False (a file is broken, or there is none): nothing of files is ended. */
  readonly knowsFiles: boolean;
  /** Names of all receivers that there are. */
  readonly receivers: readonly string[];
}

const LIST_DELETED = loadSql('alerts/list-deleted-instances');
const LOCK_GROUP = loadSql('alerts/lock-group');

/**
 * Ends and forgets the series of rules that are not there any more: those of files that the set had, and those of the API and of targets.
 * @param groups all groups of the set
 * @returns how many series were forgotten, and how many incidents people are told the end of
 * @throws the error of the database; what was ended before stays ended, and the rest may be tried again
 */
export async function endDeletedRules(
  groups: readonly RuleGroup[],
  { database, ruleSet, knowsFiles, receivers }: EndDeletedOptions,
): Promise<{ series: number; notifications: number }> {
  const uids = groups.flatMap((group) => [ruleErrorUid(group.name), ...group.rules.map(({ uid }) => uid)]);
  const values = {
    ruleSet: ruleSet.name,
    hash: ruleSet.hash,
    uids,
    knowsFiles,
    targetGroup: TARGET_GROUP,
    targetDays: HOLDS_DAYS,
  };
  const total = { series: 0, notifications: 0 };
  for (;;) {
    const [found] = await database.any<StoredInstance>(LIST_DELETED, { ...values, group: null, most: 1 });
    if (found === undefined) break;
    const group = found.group_name;
    const ended = await inTransaction(database, async (transaction) => {
      const locked = await transaction.one<{ ends_ms: number }>(LOCK_GROUP, { group });
      const instances = await transaction.any<StoredInstance>(LIST_DELETED, { ...values, group, most: MAX_ENDED });
      const at = {
        group,
        slot: new Date(locked.ends_ms),
        reason: 'rule_deleted',
        receivers,
      } as const;
      return { series: instances.length, notifications: await endSeries(transaction, instances, at) };
    });
    total.series += ended.series;
    total.notifications += ended.notifications;
  }
  return total;
}
