// Finds due slots of the groups that this process has leased, evaluates and commits them. Time is never read here: the database tells it once
// per pass, and `evaluateGroup` takes it as an argument. What could not be committed is still due in the next pass. A pass begins what is due and
// need not wait for it: the next one leaves alone what still runs.
import { isConnectionError, sqlState } from '../db/database.ts';
import { refuseBreakingSchema } from '../db/migrate.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { findAhead } from './ahead-groups.ts';
import { type CommitOptions, commitSlot } from './commit.ts';
import { DeletedRules } from './deleted-rules.ts';
import { type EvaluateOptions, evaluateRules } from './evaluate.ts';
import { EvaluationCounts, type EvaluationNumbers } from './evaluation-counts.ts';
import { type GroupLease, GroupLeases, type HeldGroup } from './group-leases.ts';
import { needsOf } from './group-needs.ts';
import { GroupQueue, type GroupWork } from './group-queue.ts';
import { LeaseNotices } from './lease-notices.ts';
import { type AlertProgress, ProgressReader, type ProgressReaderOptions } from './progress.ts';
import type { RuleGroup } from './rule.ts';
import { createRuleSet } from './rule-set.ts';
import { SeriesRoom } from './series-room.ts';
import type { Slot } from './slot-changes.ts';
import { SlotMemory } from './slot-memory.ts';
import { dueSlots, slotTimeoutMs } from './slots.ts';

export interface EvaluatorOptions extends Omit<CommitOptions, 'lease'>, EvaluateOptions, ProgressReaderOptions {
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
  /** What all groups may hold of the answers of queries; default: 100,000 series, 64 MB. */
  readonly room?: SeriesRoom | undefined;
  readonly logger: Logger;
}

/** All rules of a moment; an object of its own for each set, by which sets are told apart. */
export interface EvaluatedRules {
  readonly groups: readonly RuleGroup[];
}

/** What became of the slots of a group that a pass found due. */
export interface GroupResult {
  /** Slots that this evaluator committed. */
  readonly committed: number;
  /** Changes that people are to hear of. */
  readonly notifications: number;
}

/** What a pass has found, and begun. */
export interface Pass {
  /** Something is to be put into groups, or a group is to be looked at. */
  readonly isDispatchDue: boolean;
  /** Receivers that messages are due for, as far as the pass knows. */
  readonly dueReceivers: readonly string[];
  /** Of each group that is due; they never reject. */
  readonly groups: readonly Promise<GroupResult>[];
}

const DEFAULT_RULE_SET = 'default';
const UNIQUE_VIOLATION = '23505';

/** Evaluates groups; holds nothing of what they say. */
export class Evaluator {
  readonly #options: EvaluatorOptions;
  readonly #leases: GroupLeases;
  readonly #progress: ProgressReader;
  readonly #notices: LeaseNotices;
  readonly #queue: GroupQueue<GroupResult>;
  readonly #stopping = new AbortController();
  readonly #counts = new EvaluationCounts();
  readonly #memory = new SlotMemory();
  readonly #room: SeriesRoom;
  readonly #deleted: DeletedRules;
  /** The rules that each group was begun with, of those that run. */
  readonly #rulesInUse = new Map<string, EvaluatedRules>();
  #rules: EvaluatedRules;
  #pass: Promise<Pass> | undefined;

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    const { database, rulesDatabase, groups, ruleSet = DEFAULT_RULE_SET, evaluatorId } = options;
    this.#rules = { groups };
    this.#room = options.room ?? new SeriesRoom();
    this.#deleted = new DeletedRules(options);
    // Never more than there are connections: to wait for one would look like an error.
    this.#queue = new GroupQueue(Number(rulesDatabase.$pool.options['max'] ?? 1));
    this.#progress = new ProgressReader(options);
    const { receivers, logger } = options;
    const needs = needsOf(groups, { own: groups, known: receivers });
    this.#leases = new GroupLeases({ database, ruleSet: createRuleSet(ruleSet, groups), needs, receivers, evaluatorId });
    this.#notices = new LeaseNotices({ logger, ruleSet, receivers });
  }

  /** What was evaluated since the start of the process. */
  get numbers(): EvaluationNumbers {
    return this.#counts.numbers;
  }

  /** Evaluates other rules from the next pass on. A slot that is evaluated meanwhile is left to be done again, unless its group is still there. */
  replaceRules(rules: EvaluatedRules): void {
    this.#rules = rules;
    const { ruleSet = DEFAULT_RULE_SET, groups: own, receivers } = this.#options;
    this.#leases.replace(createRuleSet(ruleSet, own, rules.groups), needsOf(rules.groups, { own, known: receivers }));
    const names = new Set(rules.groups.map(({ name }) => name));
    this.#queue.retain(names);
    this.#memory.retain(names);
  }

  /** No new slot is begun, and no new query; one that runs is left to be done again. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Keeps what is leased while groups take long. @throws when the database does not answer */
  keepAlive(): Promise<void> {
    return this.#leases.keepAlive();
  }

  /** Stops, waits for what runs, and lets other processes have the groups. */
  async release(): Promise<void> {
    this.stop();
    await this.#pass?.catch(() => {});
    await this.#queue.idle();
    await this.#leases.release();
  }

  /** One pass over the groups that are leased, and what it has begun. @throws when the database does not answer, or its schema is too new */
  async run(): Promise<{
    readonly committed: number;
    readonly isDispatchDue: boolean;
    readonly dueReceivers: readonly string[];
  }> {
    const { groups, dueReceivers, isDispatchDue } = await this.begin();
    const results = await Promise.all(groups);
    const committed = results.reduce((sum, result) => sum + result.committed, 0);
    const owes = results.some(({ notifications }) => notifications > 0);
    return { committed, isDispatchDue: owes || isDispatchDue, dueReceivers };
  }

  /**
   * Begins a pass over the groups that are leased; joins one that is being begun. Groups that still run are left alone.
   * @throws when the database does not answer, or its schema is too new
   */
  begin(): Promise<Pass> {
    this.#pass ??= this.#begin().finally(() => {
      this.#pass = undefined;
    });
    return this.#pass;
  }

  async #begin(): Promise<Pass> {
    if (this.#isStopping || !this.#leases.isDue) return { isDispatchDue: false, dueReceivers: [], groups: [] };
    const { progress, asOfMs } = await this.#readProgress();
    this.#counts.see(progress.silent_sources);
    const held = await this.#leases.update(progress);
    const ahead = findAhead(this.#rules.groups, progress.now_ms, (name) => held.get(name)?.last_slot_ms);
    this.#notices.look(progress, new Set(held.keys()), { needs: this.#leases.needs, ahead });
    const notifications = await this.#deleted.end(this.#rules, this.#leases.currentRuleSet, this.#rulesInUse.values());
    const works = this.#rules.groups.flatMap((group) => {
      const own = held.get(group.name);
      if (own === undefined) return [];
      const isOverloaded = this.#memory.isOverloaded(group.name);
      return this.#workOf(group, dueSlots(group, { ...toProgress(progress, own), isOverloaded }), asOfMs);
    });
    return {
      isDispatchDue: notifications > 0 || progress.is_dispatch_due,
      dueReceivers: progress.due_receivers,
      groups: this.#isStopping ? [] : this.#queue.add(works),
    };
  }

  /** With the rules of now: what was read of leases beside others is read again, so that who changes rules stops nobody. */
  async #readProgress(): Promise<{ readonly progress: AlertProgress; readonly asOfMs: number }> {
    const read = async () => ({ asOfMs: performance.now(), progress: await this.#progress.read(this.#leases.parameters) });
    const found = await read();
    refuseBreakingSchema(found.progress.breaking_version);
    const rules = await this.#options.rulesOf?.(found.progress.revision);
    if (rules === undefined || rules === this.#rules) return found;
    this.replaceRules(rules);
    return read();
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Nothing, when no slot is due. */
  #workOf(group: RuleGroup, slots: readonly Slot[], asOfMs: number): GroupWork<GroupResult>[] {
    const [oldest] = slots;
    if (oldest === undefined) return [];
    return [{ group: group.name, dueMs: oldest.slotMs, asOfMs, run: (waitedMs) => this.#evaluateSlots(group, slots, waitedMs) }];
  }

  /** Never rejects. What is left when it takes too long is due in the next pass, or too old by then, and counted as missed. */
  async #evaluateSlots(group: RuleGroup, slots: readonly Slot[], waitedMs: number): Promise<GroupResult> {
    const startedAtMs = performance.now();
    const endsAtMs = startedAtMs + slotTimeoutMs(group.everyMs);
    let sinceMs = startedAtMs - waitedMs;
    const lease = this.#leases.leaseOf(group.name);
    let committed = 0;
    let notifications = 0;
    this.#rulesInUse.set(group.name, this.#rules);
    for (const slot of slots) {
      if (lease === undefined || !this.#isWanted(group) || performance.now() >= endsAtMs) break;
      const result = await this.#evaluateSafely(group, slot, lease);
      if (result === undefined) break;
      committed++;
      notifications += result.notifications;
      const nowMs = performance.now();
      this.#memory.noteTime(group, nowMs - sinceMs);
      // What is left would be older still: the next pass begins with the newest.
      if (this.#memory.isOverloaded(group.name)) break;
      sinceMs = nowMs;
    }
    this.#rulesInUse.delete(group.name);
    return { committed, notifications };
  }

  /** Whether what is found out of it may be committed: its rules are still those of now. */
  #isWanted(group: RuleGroup): boolean {
    return !this.#isStopping && this.#rules.groups.includes(group);
  }

  /**
   * Evaluates one slot of a group, whether or not it is due, and commits it.
   * @returns undefined when another evaluator has the group, or this one is stopping, or the slot or a newer one is committed
   * @throws when the commit fails; the outcome may then be unknown, and the next pass reads it from the database
   */
  async evaluateGroup(group: RuleGroup, slot: Slot): Promise<{ notifications: number } | undefined> {
    if (this.#isStopping) return undefined;
    const lease = this.#leases.leaseOf(group.name) ?? (await this.#takeLease(group));
    return lease === undefined ? undefined : this.#evaluateSlot(group, slot, lease, () => !this.#isStopping);
  }

  async #evaluateSlot(group: RuleGroup, slot: Slot, lease: GroupLease, isWanted: () => boolean) {
    const startedAt = performance.now();
    const first = this.#memory.firstRuleOf(group.name);
    const room = this.#room.open();
    let isTried = false;
    const bounds = { totalTimeoutMs: slotTimeoutMs(group.everyMs), first, room, signal: this.#stopping.signal };
    try {
      const evaluations = await evaluateRules(group, slot.slotMs, this.#options, bounds);
      if (!isWanted()) return undefined;
      isTried = true;
      this.#memory.noteCut(group, evaluations, first);
      const result = await commitSlot(group, slot, evaluations, { ...this.#options, lease });
      if (result !== undefined) this.#counts.commit(evaluations, slot.missed);
      return result;
    } catch (error) {
      if (sqlState(error) === UNIQUE_VIOLATION) return undefined;
      throw error;
    } finally {
      room.close();
      if (isTried) this.#counts.observe((performance.now() - startedAt) / 1000);
    }
  }

  async #takeLease(group: RuleGroup): Promise<GroupLease | undefined> {
    await this.#leases.update(await this.#progress.read(this.#leases.parameters));
    return this.#leases.leaseOf(group.name);
  }

  async #evaluateSafely(group: RuleGroup, slot: Slot, lease: GroupLease): Promise<{ notifications: number } | undefined> {
    try {
      return await this.#evaluateSlot(group, slot, lease, () => this.#isWanted(group));
    } catch (error) {
      const { logger } = this.#options;
      const fields = { group: group.name, slot: new Date(slot.slotMs).toISOString(), error: describeError(error) };
      if (isConnectionError(error)) logger.warn(fields, 'the database was lost while a slot was committed; it is tried again');
      else logger.error(fields, 'a slot could not be committed; it is tried again');
      return undefined;
    }
  }
}

function toProgress(row: AlertProgress, held: HeldGroup) {
  return { nowMs: row.now_ms, watermarkMs: row.watermark_ms ?? undefined, lastSlotMs: held.last_slot_ms ?? undefined };
}
