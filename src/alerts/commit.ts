// Commits what a slot of a group found, in one transaction: the slot itself, evaluations, states, transitions, and the messages they owe.
// Who comes second to a slot gets nothing done. State is read under the lock of the group, so that no evaluator works on old state.
import { type Database, inTransaction, type Transaction } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import type { Evaluation } from './evaluate.ts';
import type { GroupLease } from './group-leases.ts';
import { createNotification, type NotificationPayload } from './notification.ts';
import type { Rule, RuleGroup } from './rule.ts';
import { incidentIdOf } from './series.ts';
import { type AlertInstance, advance, type Input, notificationOf, type State, type Transition } from './state.ts';

/** Where a slot stands in time, and how much of it the archive had. */
export interface Slot {
  readonly slotMs: number;
  /** The archive had not reached the slot: what is missing may still come, so nothing is resolved. */
  readonly isPartial: boolean;
  /** Slots that were skipped just before this one. */
  readonly missed: number;
}

export interface CommitOptions {
  readonly database: Database;
  /** Names of the receivers that a rule's messages go to; none: the transition records that nobody was told. */
  receiversOf(rule: Rule): readonly string[];
  /** Of the group: fences who had it before. */
  readonly lease: GroupLease;
  /** How long the outbox tries to deliver. */
  readonly maxDeliveryAgeMs: number;
}

/** A row of alert_instance. */
interface StoredInstance {
  readonly rule: string;
  readonly fingerprint: string;
  readonly state: State;
  readonly incident_id: string | null;
  readonly active_at_ms: number | null;
  readonly fired_at_ms: number | null;
  readonly breached_at_ms: number | null;
  readonly held_ms: number;
  readonly last_slot_ms: number;
  readonly value: number | string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly row: Readonly<Record<string, string | number | null>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a slot changes, ready for the tables. */
interface Changes {
  readonly instances: object[];
  readonly transitions: object[];
  readonly notifications: {
    rule: string;
    fingerprint: string;
    incident_id: string;
    receiver: string;
    reason: string;
    payload: NotificationPayload;
  }[];
}

const CLAIM_SLOT = loadSql('alerts/claim-slot');
const LIST_INSTANCES = loadSql('alerts/list-group-instances');
const INSERT_EVALUATIONS = loadSql('alerts/insert-evaluations');
const UPSERT_INSTANCES = loadSql('alerts/upsert-instances');
const INSERT_TRANSITIONS = loadSql('alerts/insert-transitions');
const INSERT_NOTIFICATIONS = loadSql('alerts/insert-notifications');
const PRUNE = loadSql('alerts/prune-group');
const PRUNE_EVERY_MS = 3_600_000;

/**
 * Commits a slot.
 * @returns how many messages went to the outbox; undefined when the slot (or a newer one) was committed by another evaluator
 */
export async function commitSlot(
  group: RuleGroup,
  slot: Slot,
  evaluations: readonly Evaluation[],
  options: CommitOptions,
): Promise<{ notifications: number } | undefined> {
  const at = { group: group.name, slot: new Date(slot.slotMs) };
  return await inTransaction(options.database, async (transaction) => {
    const claim = { ...at, everyMs: group.everyMs, missed: slot.missed, ...options.lease };
    if ((await transaction.oneOrNone(CLAIM_SLOT, claim)) === null) return undefined;
    const known = await transaction.any<StoredInstance>(LIST_INSTANCES, at);
    const changes: Changes = { instances: [], transitions: [], notifications: [] };
    for (const evaluation of evaluations) {
      if (evaluation.outcome === 'ok') applyEvaluation(evaluation, known, { group, slot, options, changes });
    }
    await transaction.none(INSERT_EVALUATIONS, { ...at, partial: slot.isPartial, evaluations: evaluations.map(toRow) });
    await write(transaction, changes, at, options.maxDeliveryAgeMs);
    if (slot.slotMs % PRUNE_EVERY_MS < group.everyMs) await transaction.none(PRUNE, at);
    return { notifications: changes.notifications.length };
  });
}

async function write(transaction: Transaction, changes: Changes, at: object, maxAgeMs: number): Promise<void> {
  const { instances, transitions, notifications } = changes;
  if (instances.length > 0) await transaction.none(UPSERT_INSTANCES, { ...at, instances });
  if (transitions.length > 0) await transaction.none(INSERT_TRANSITIONS, { ...at, transitions });
  if (notifications.length > 0) await transaction.none(INSERT_NOTIFICATIONS, { ...at, maxAgeMs, notifications });
}

function toRow({ rule, outcome, series, durationMs, sqlstate, error }: Evaluation): object {
  return { rule: rule.name, outcome, series: series.length, duration_ms: durationMs, sqlstate, error };
}

interface Context {
  readonly group: RuleGroup;
  readonly slot: Slot;
  readonly options: CommitOptions;
  readonly changes: Changes;
}

/** An outcome `error` never comes here: it is the input `error` of every series, which changes nothing. */
function applyEvaluation({ rule, series }: Evaluation, known: readonly StoredInstance[], context: Context): void {
  const stored = new Map(
    known.filter((instance) => instance.rule === rule.name).map((instance) => [instance.fingerprint, instance]),
  );
  for (const one of series) {
    const before = stored.get(one.fingerprint);
    stored.delete(one.fingerprint);
    const seen = {
      fingerprint: one.fingerprint,
      labels: one.labels,
      row: Object.fromEntries([...one.row].map(([name, cell]) => [name, toJson(cell)])),
      value: toJson(one.value),
      annotations: one.annotations,
      lastSlotMs: context.slot.slotMs,
    };
    applyInput(rule, before, context.slot.isPartial && one.input === 'clear' ? 'hold' : one.input, seen, context);
  }
  for (const instance of stored.values()) {
    if (instance.state !== 'pending') continue;
    applyInput(rule, instance, 'missing', { ...instance, lastSlotMs: instance.last_slot_ms }, context);
  }
}

type Seen = Pick<StoredInstance, 'fingerprint' | 'labels' | 'row' | 'value' | 'annotations'> & { readonly lastSlotMs: number };

function applyInput(rule: Rule, stored: StoredInstance | undefined, input: Input, seen: Seen, context: Context): void {
  const { group, slot, changes } = context;
  const before = stored === undefined ? undefined : toInstance(stored);
  const { instance, transition } = advance(before, input, slot.slotMs, {
    for: rule.for,
    everyMs: group.everyMs,
    keepFiringForMs: rule.keepFiringForMs,
    missing: rule.missing,
    latch: rule.latch,
    incidentId: (slotMs) => incidentIdOf(seen.fingerprint, slotMs),
  });
  if (instance !== undefined) changes.instances.push(toStored(rule, instance, seen));
  if (transition !== undefined) recordTransition(rule, [instance, before], transition, seen, context);
}

function recordTransition(
  rule: Rule,
  afterAndBefore: readonly (AlertInstance | undefined)[],
  transition: Transition,
  { fingerprint, labels, row, value, annotations }: Seen,
  { group, slot, options, changes }: Context,
): void {
  const reason = notificationOf(transition);
  const receivers = reason === undefined ? [] : options.receiversOf(rule);
  const common = { rule: rule.name, fingerprint, incident_id: transition.incidentId };
  changes.transitions.push({
    ...common,
    from_state: transition.from,
    to_state: transition.to,
    reason: transition.reason,
    suppressed: reason !== undefined && receivers.length === 0 ? 'no_receiver' : null,
    value,
    labels,
    row,
  });
  const fired = afterAndBefore.find((instance) => instance?.firedAtMs !== undefined);
  if (reason === undefined || reason === 'nodata' || fired === undefined) return;
  const payload = createNotification({
    group: group.name,
    rule,
    reason,
    fingerprint,
    incidentId: transition.incidentId,
    labels,
    annotations,
    row,
    value,
    activeAtMs: fired.activeAtMs ?? slot.slotMs,
    firedAtMs: fired.firedAtMs ?? slot.slotMs,
    slotMs: slot.slotMs,
    isPartial: slot.isPartial,
  });
  for (const receiver of new Set(receivers)) changes.notifications.push({ ...common, receiver, reason, payload });
}

function toInstance(stored: StoredInstance): AlertInstance {
  return {
    state: stored.state,
    incidentId: stored.incident_id ?? undefined,
    activeAtMs: stored.active_at_ms ?? undefined,
    firedAtMs: stored.fired_at_ms ?? undefined,
    heldMs: stored.held_ms,
    ranAtMs: stored.breached_at_ms ?? undefined,
    missed: 0,
    history: 0,
    step: -1,
    toldStep: -1,
  };
}

function toStored(
  rule: Rule,
  instance: AlertInstance,
  { fingerprint, labels, row, value, annotations, lastSlotMs }: Seen,
): object {
  return {
    rule: rule.name,
    fingerprint,
    labels,
    row,
    value,
    annotations,
    state: instance.state,
    incident_id: instance.incidentId ?? null,
    active_at_ms: instance.activeAtMs ?? null,
    fired_at_ms: instance.firedAtMs ?? null,
    breached_at_ms: instance.ranAtMs ?? null,
    held_ms: instance.heldMs,
    last_slot_ms: lastSlotMs,
  };
}

/** JSON has no NaN and no infinity: they become text, which Postgres reads as numbers again. */
function toJson<T extends string | number | null>(cell: T): T | string {
  return typeof cell === 'number' && !Number.isFinite(cell) ? String(cell) : cell;
}
