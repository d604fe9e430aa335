// Finds due slots of the groups that this process has leased, evaluates and commits them. Time is never read here: the database tells it once
// per pass, and `evaluateGroup` takes it as an argument. What could not be committed is still due in the next pass.
import { isConnectionError, sqlState } from '../db/database.ts';
import { refuseBreakingSchema } from '../db/migrate.ts';
import { loadSql } from '../db/sql.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type CommitOptions, commitSlot } from './commit.ts';
import { endDeletedRules } from './deleted-rules.ts';
import { type EvaluateOptions, evaluateRules } from './evaluate.ts';
import { EvaluationCounts, type EvaluationNumbers } from './evaluation-counts.ts';
import { type GroupLease, GroupLeases, type HeldGroup, type LeaseProgress } from './group-leases.ts';
import type { RuleGroup } from './rule.ts';
import { createRuleSet } from './rule-set.ts';
import type { Slot } from './slot-changes.ts';
import { dueSlots } from './slots.ts';

export interface EvaluatorOptions extends Omit<CommitOptions, 'lease'>, EvaluateOptions {
  /** Of files. */
  readonly groups: readonly RuleGroup[];
  /**
   * All rules, those of files among them, as of a revision of those that the API can change; the same object while nothing has changed.
   * Default: always `groups`.
   */
  readonly rulesOf?: ((revision: number) => Promise<EvaluatedRules>) | undefined;
  /** False: files hold rules that could not be read. Nothing of files is taken for deleted then. Default true. */
  readonly areFilesWhole?: boolean | undefined;
  /** Whose rules they are; default `default`. */
  readonly ruleSet?: string | undefined;
  /** Unique to this process; default: a new one. */
  readonly evaluatorId?: string | undefined;
  /** Names of the receivers whose messages are looked for. */
  readonly receivers: readonly string[];
  readonly logger: Logger;
  /** A source that was not heard of for longer does not hold up evaluations; default 30000. */
  readonly silentMs?: number;
}

/** All rules of a moment; an object of its own for each set, by which sets are told apart. */
export interface EvaluatedRules {
  readonly groups: readonly RuleGroup[];
}

/** What a pass did. */
export interface PassResult {
  /** Slots that this evaluator committed. */
  readonly committed: number;
  /** Receivers that messages are due for, as far as the pass knows. */
  readonly dueReceivers: readonly string[];
}

interface ProgressRow extends LeaseProgress {
  readonly now_ms: number;
  readonly watermark_ms: number | null;
  readonly due_receivers: readonly string[];
  readonly breaking_version: number | null;
  readonly revision: number;
}

const READ_PROGRESS = loadSql('alerts/read-progress');
const SILENT_MS = 30_000;
/** A source whose clock is behind by less is waited for, so that its last events are in the window that they belong to. */
const SKEW_MS = 2000;
/** Groups evaluated at the same time at most; never more than rulesDatabase has connections, as waiting for one would look like an error. */
const MAX_CONCURRENCY = 4;
const DEFAULT_RULE_SET = 'default';
const UNIQUE_VIOLATION = '23505';

/** Evaluates groups; holds nothing but counts. */
export class Evaluator {
  readonly #options: EvaluatorOptions;
  readonly #leases: GroupLeases;
  #rules: EvaluatedRules;
  /** The rules beside which what others have left was ended. */
  #endedFor: EvaluatedRules | undefined;
  #isStopping = false;
  /** When the database answered again after it had not, by the monotonic clock; Infinity while it does not. */
  #backAtMs = Number.NEGATIVE_INFINITY;
  readonly #counts = new EvaluationCounts();

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    const { database, groups, ruleSet = DEFAULT_RULE_SET, evaluatorId } = options;
    this.#rules = { groups };
    this.#leases = new GroupLeases({ database, ruleSet: createRuleSet(ruleSet, groups), evaluatorId });
  }

  /** What was evaluated since the start of the process. */
  get numbers(): EvaluationNumbers {
    return this.#counts.numbers;
  }

  /** Evaluates other rules from the next pass on. */
  replaceRules(rules: EvaluatedRules): void {
    this.#rules = rules;
    this.#leases.replace(createRuleSet(this.#options.ruleSet ?? DEFAULT_RULE_SET, this.#options.groups, rules.groups));
  }

  /** No new slot is begun; one whose queries run is left to be done again. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Keeps what is leased while a pass takes long. @throws when the database does not answer */
  keepAlive(): Promise<void> {
    return this.#leases.keepAlive();
  }

  /** Lets other processes have the groups; when nothing runs any more. */
  release(): Promise<void> {
    return this.#leases.release();
  }

  /** One pass over the groups that are leased. @throws when the database does not answer, or its schema is too new */
  async run(): Promise<PassResult> {
    if (!this.#leases.isDue) return { committed: 0, dueReceivers: [] };
    const { receivers } = this.#options;
    const progress = await this.#readProgress();
    refuseBreakingSchema(progress.breaking_version);
    const rules = await this.#options.rulesOf?.(progress.revision);
    if (rules !== undefined && rules !== this.#rules) {
      // What was read of leases is of the rules before.
      this.replaceRules(rules);
      return { committed: 0, dueReceivers: progress.due_receivers };
    }
    const held = await this.#leases.update(progress);
    let committed = 0;
    let notifications = await this.#endDeleted();
    const waiting = this.#rules.groups.filter(({ name }) => held.has(name));
    const work = async () => {
      for (let group = waiting.shift(); group !== undefined && !this.#isStopping; group = waiting.shift()) {
        for (const slot of dueSlots(group, toProgress(progress, held.get(group.name)))) {
          const result = await this.#evaluateSafely(group, slot);
          if (result === undefined) break;
          committed++;
          notifications += result.notifications;
        }
      }
    };
    const connections = Number(this.#options.rulesDatabase.$pool.options['max'] ?? 1);
    await Promise.all(Array.from({ length: Math.min(MAX_CONCURRENCY, connections, waiting.length) }, work));
    return { committed, dueReceivers: notifications > 0 ? receivers : progress.due_receivers };
  }

  /** Once for each set of rules. What goes wrong is tried again in the next pass. @returns how many messages went to the outbox */
  async #endDeleted(): Promise<number> {
    const { database, maxDeliveryAgeMs, logger } = this.#options;
    const rules = this.#rules;
    const ruleSet = this.#leases.currentRuleSet;
    // Who was not the newest for a while does not know what others have begun since.
    if (ruleSet === undefined) this.#endedFor = undefined;
    if (ruleSet === undefined || this.#endedFor === rules) return 0;
    try {
      const knowsFiles = this.#options.areFilesWhole !== false && this.#options.groups.length > 0;
      const { notifications } = await endDeletedRules(rules.groups, { database, ruleSet, knowsFiles, maxDeliveryAgeMs });
      this.#endedFor = rules;
      return notifications;
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'alerts of rules that are gone could not be ended; it is tried again');
      return 0;
    }
  }

  async #readProgress(): Promise<ProgressRow> {
    const { database, receivers, silentMs = SILENT_MS } = this.#options;
    const nowMs = performance.now();
    const backMs = Math.max(0, nowMs - this.#backAtMs);
    const back = Number.isFinite(backMs) ? backMs : null;
    const values = { silentMs, skewMs: SKEW_MS, backMs: back, receivers, ...this.#leases.parameters };
    try {
      const progress = await database.one<ProgressRow>(READ_PROGRESS, values);
      this.#backAtMs = Math.min(this.#backAtMs, nowMs);
      return progress;
    } catch (error) {
      this.#backAtMs = Number.POSITIVE_INFINITY;
      throw error;
    }
  }

  /**
   * Evaluates one slot of a group, whether or not it is due, and commits it.
   * @returns undefined when another evaluator has the group, or this one is stopping, or the slot or a newer one is committed
   * @throws when the commit fails; the outcome may then be unknown, and the next pass reads it from the database
   */
  async evaluateGroup(group: RuleGroup, slot: Slot): Promise<{ notifications: number } | undefined> {
    const lease = this.#leases.leaseOf(group.name) ?? (await this.#takeLease(group));
    if (lease === undefined) return undefined;
    const startedAt = performance.now();
    const evaluations = await evaluateRules(group, slot.slotMs, this.#options);
    if (this.#isStopping) return undefined;
    try {
      const result = await commitSlot(group, slot, evaluations, { ...this.#options, lease });
      if (result !== undefined) this.#counts.commit(evaluations, slot.missed);
      return result;
    } catch (error) {
      if (sqlState(error) === UNIQUE_VIOLATION) return undefined;
      throw error;
    } finally {
      this.#counts.observe((performance.now() - startedAt) / 1000);
    }
  }

  async #takeLease(group: RuleGroup): Promise<GroupLease | undefined> {
    await this.#leases.update(await this.#readProgress());
    return this.#leases.leaseOf(group.name);
  }

  async #evaluateSafely(group: RuleGroup, slot: Slot): Promise<{ notifications: number } | undefined> {
    if (this.#isStopping) return undefined;
    try {
      return await this.evaluateGroup(group, slot);
    } catch (error) {
      const { logger } = this.#options;
      const fields = { group: group.name, slot: new Date(slot.slotMs).toISOString(), error: describeError(error) };
      if (isConnectionError(error)) logger.warn(fields, 'the database was lost while a slot was committed; it is tried again');
      else logger.error(fields, 'a slot could not be committed; it is tried again');
      return undefined;
    }
  }
}

function toProgress(row: ProgressRow, held: HeldGroup | undefined) {
  return { nowMs: row.now_ms, watermarkMs: row.watermark_ms ?? undefined, lastSlotMs: held?.last_slot_ms ?? undefined };
}
