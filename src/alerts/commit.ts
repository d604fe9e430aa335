// Commits what a slot of a group found, in one transaction: the slot itself, evaluations, states, transitions, and the messages they owe.
// Who comes second to a slot gets nothing done. State is read under the lock of the group, so that no evaluator works on old state.
import { type Database, inTransaction, type Transaction } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import { type ContextRows, readContextRows } from './context-rows.ts';
import type { DestinationsOf, RoutedAlert } from './delivery/destination.ts';
import { type Evaluation, summarize } from './evaluate.ts';
import type { GroupLease } from './group-leases.ts';
import type { StoredInstance } from './instance-row.ts';
import { countKnown, inKnownBatches, type Known, MAX_KNOWN } from './known-series.ts';
import { planEvaluation } from './plan-evaluation.ts';
import type { RuleGroup } from './rule.ts';
import { planRuleErrors, ruleErrorUid } from './rule-error.ts';
import { queryHash } from './series.ts';
import { refuseSharedUids } from './shared-uids.ts';
import { createChanges, type Slot, type SlotChanges } from './slot-changes.ts';
import { tellEnds } from './told-receivers.ts';

export interface CommitOptions {
  readonly database: Database;
  /** Connected as keepwatch_rules: for context queries. */
  readonly rulesDatabase: Database;
  /** Where messages of rules go; nowhere: the transition records that nobody was told. */
  readonly destinationsOf: DestinationsOf;
  /** Names of all receivers that there are: who was told of an alert, and is none of them any more, is not told of its end. */
  readonly receivers: readonly string[];
  /** Of the group: fences who had it before. */
  readonly lease: GroupLease;
}

const CLAIM_SLOT = loadSql('alerts/claim-slot');
const INSERT_EVALUATIONS = loadSql('alerts/insert-evaluations');
const DELETE_INSTANCES = loadSql('alerts/delete-instances');
const UPSERT_INSTANCES = loadSql('alerts/upsert-instances');
const INSERT_TRANSITIONS = loadSql('alerts/insert-transitions');
const INSERT_CHANGES = loadSql('alerts/delivery/insert-changes');
const PRUNE = loadSql('alerts/prune-group');
/** Rows of one statement: as text they are small enough to be young garbage, and others get their turn between statements. */
const PIECE_ROWS = 100;
const PRUNE_EVERY_MS = 3_600_000;
/** An ok series is known for a day without a row, and for the two hours that may pass between two signs of life. */
const KEEP_MS = 26 * 3_600_000;
/** What becomes of an evaluation after which too many series would be known. */
const TOO_MANY = {
  outcome: 'error',
  series: [],
  expected: undefined,
  error:
    `the rule would have to know more than ${MAX_KNOWN} series: those that are not ok, with a row or without, and those that it misses; ` +
    'group by less, let missing series end (missing: { policy: ok }), or end them by keepwatch alerts forget',
} as const;

/** What a transaction works on. */
interface Work {
  readonly transaction: Transaction;
  readonly group: RuleGroup;
  readonly slot: Slot;
  readonly options: CommitOptions;
  readonly context: ContextRows;
}

/**
 * Commits a slot.
 * @returns how many changes people are to hear of; undefined when the slot (or a newer one) was committed, or the group is another evaluator's
 */
export async function commitSlot(
  group: RuleGroup,
  slot: Slot,
  evaluations: readonly Evaluation[],
  options: CommitOptions,
): Promise<{ notifications: number } | undefined> {
  const { database, rulesDatabase, destinationsOf } = options;
  const context = await readContextRows(evaluations, { group, slot, rulesDatabase, database, destinationsOf });
  const at = { group: group.name, slot: new Date(slot.slotMs) };
  return await inTransaction(database, async (transaction) => {
    const claim = { ...at, everyMs: group.everyMs, missed: slot.missed, ...options.lease };
    if ((await transaction.oneOrNone(CLAIM_SLOT, claim)) === null) return undefined;
    const notifications = await commitStates(evaluations, { transaction, group, slot, options, context });
    if (slot.slotMs % PRUNE_EVERY_MS < group.everyMs) await transaction.none(PRUNE, { ...at, keepMs: keepMsOf(group) });
    return { notifications };
  });
}

async function commitStates(evaluations: readonly Evaluation[], work: Work): Promise<number> {
  const { transaction, group, slot, options } = work;
  const records: object[] = [];
  const settled: Evaluation[] = [];
  const errorUid = ruleErrorUid(group.name);
  let errors: ReadonlyMap<string, StoredInstance> = new Map();
  let notifications = 0;
  for await (const batch of inKnownBatches(transaction, evaluations, [errorUid])) {
    errors = batch.known?.get(errorUid) ?? errors;
    const own = await refuseSharedUids(transaction, batch, { group: group.name, evaluatorId: options.lease.evaluatorId });
    const planned = own.map((evaluation) => planRule(evaluation, batch.known, work));
    records.push(...planned.map(({ evaluation, plan }) => toRecord(evaluation, plan, work.context)));
    settled.push(...planned.map(({ evaluation }) => evaluation));
    const plans = planned.map(({ plan }) => plan);
    if (settled.length === evaluations.length)
      plans.push(planRuleErrors(settled, errors, { group, slot }, options.destinationsOf));
    notifications += await write(plans, work);
  }
  const watermark = slot.watermarkMs === undefined ? null : new Date(slot.watermarkMs);
  const at = { group: group.name, slot: new Date(slot.slotMs), partial: slot.isPartial, watermark, epoch: options.lease.epoch };
  await transaction.none(INSERT_EVALUATIONS, { ...at, evaluations: records });
  return notifications;
}

/** What a rule changes; a rule that would come to have too many states changes nothing, as one without an answer. */
function planRule(
  evaluation: Evaluation,
  known: Known | undefined,
  { group, slot, options, context }: Work,
): { readonly evaluation: Evaluation; readonly plan: SlotChanges } {
  const destinationsOf = (alert: RoutedAlert) => options.destinationsOf([evaluation.rule], alert);
  const own = known?.get(evaluation.rule.uid) ?? new Map<string, StoredInstance>();
  if (known !== undefined) {
    const plan = planEvaluation(evaluation, own, { group, slot, destinationsOf, examples: context.examples });
    if (countKnown(own, plan) <= MAX_KNOWN) return { evaluation, plan };
  }
  return { evaluation: { ...evaluation, ...TOO_MANY }, plan: createChanges() };
}

function toRecord(evaluation: Evaluation, plan: SlotChanges, { problems }: ContextRows): object {
  const { rule, outcome, series, durationMs, sqlstate, error } = evaluation;
  const context = problems.get(rule.uid);
  const all = [...(error === undefined ? [] : [error]), ...plan.problems, ...(context === undefined ? [] : [context])];
  return {
    ...{ rule_uid: rule.uid, rule: rule.name, outcome, series: series.length, sqlstate, error: summarize(all) },
    duration_ms: durationMs,
    ok_series: outcome === 'ok' ? plan.ok : null,
    messages_dropped: plan.dropped,
    query_hash: queryHash(rule),
  };
}

/** @returns how many changes people are to hear of */
async function write(plans: readonly SlotChanges[], { transaction, group, slot, options }: Work): Promise<number> {
  const at = { group: group.name, slot: new Date(slot.slotMs), everyMs: group.everyMs };
  await tellEnds(transaction, plans, options.receivers);
  const gone = plans.flatMap((plan) => plan.gone);
  const instances = plans.flatMap((plan) => plan.instances);
  const transitions = plans.flatMap((plan) => plan.transitions);
  const changes = plans.flatMap((plan) => plan.changes);
  for (const some of inPieces(gone)) await transaction.none(DELETE_INSTANCES, { instances: some });
  for (const some of inPieces(instances)) await transaction.none(UPSERT_INSTANCES, { ...at, instances: some });
  for (const some of inPieces(transitions)) await transaction.none(INSERT_TRANSITIONS, { ...at, transitions: some });
  for (const some of inPieces(changes)) await transaction.none(INSERT_CHANGES, { ...at, changes: some });
  return changes.length;
}

function inPieces<T>(rows: readonly T[]): T[][] {
  const count = Math.ceil(rows.length / PIECE_ROWS);
  return Array.from({ length: count }, (_, index) => rows.slice(index * PIECE_ROWS, (index + 1) * PIECE_ROWS));
}

/** A series is not forgotten before its rule would have told of its absence. */
function keepMsOf({ rules, everyMs }: RuleGroup): number {
  return KEEP_MS + Math.max(0, ...rules.flatMap(({ missing, noData }) => [missing.after, noData.after])) * everyMs;
}
