// Ends what rules have left that are gone: deleted, or renamed without a uid of their own. Their alerts end with the reason rule_deleted, and
// who was told of an alert is told of its end. Only by the newest generation of a rule set, and under the lock of each group.
import { type Database, inTransaction } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
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

export interface DeletedRulesOptions extends Pick<EndDeletedOptions, 'database' | 'receivers'> {
  /** Of files. */
  readonly groups: readonly RuleGroup[];
  /** False: files hold rules that could not be read. Nothing of files is taken for deleted then. Default true. */
  readonly areFilesWhole?: boolean | undefined;
  readonly logger: Logger;
}

/** All rules of a moment; an object of its own for each set. */
interface Rules {
  readonly groups: readonly RuleGroup[];
}

/** Ends what deleted rules have left, once for each set of rules. */
export class DeletedRules {
  readonly #options: DeletedRulesOptions;
  /** The rules beside which what others have left was ended. */
  #endedFor: Rules | undefined;

  constructor(options: DeletedRulesOptions) {
    this.#options = options;
  }

  /**
   * Never rejects: what goes wrong is tried again when it is next called.
   * @param ruleSet undefined while this process is not of the newest generation
   * @param rulesInUse the rules that each group was begun with, of those that run
   * @returns how many incidents people are told the end of
   */
  async end(rules: Rules, ruleSet: RuleSet | undefined, rulesInUse: Iterable<Rules>): Promise<number> {
    const { database, receivers, groups, areFilesWhole = true, logger } = this.#options;
    // Who was not the newest for a while does not know what others have begun since.
    if (ruleSet === undefined) this.#endedFor = undefined;
    if (ruleSet === undefined || this.#endedFor === rules) return 0;
    // What still runs of the rules before could commit what is ended here.
    for (const used of rulesInUse) if (used !== rules) return 0;
    try {
      const knowsFiles = areFilesWhole && groups.length > 0;
      const { notifications } = await endDeletedRules(rules.groups, { database, ruleSet, knowsFiles, receivers });
      this.#endedFor = rules;
      return notifications;
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'alerts of rules that are gone could not be ended; it is tried again');
      return 0;
    }
  }
}
