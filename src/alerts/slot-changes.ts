// What a slot changes about one series: its state, a transition, the messages that this owes. Pure, so that the same evaluation may be worked
// out twice: to know which alerts are about to fire, and again under the lock of the group.
import { renderAnnotations } from './annotation.ts';
import type { Destination, RoutedAlert } from './delivery/destination.ts';
import { isWorthWriting, type Seen, type StoredInstance, type StoredRow, toCells, toInstance, toStored } from './instance-row.ts';
import { createNotification, type NotificationPayload, type NotificationReason } from './notification.ts';
import type { AbsencePolicy, Rule, RuleGroup } from './rule.ts';
import { incidentIdOf } from './series.ts';
import { type Advance, type AlertInstance, advance, type Input, notificationOf, type State, type Transition } from './state.ts';

/** Where a slot stands in time, and how much of it the archive had. */
export interface Slot {
  readonly slotMs: number;
  /** The archive had not reached the slot: what is missing may still come, so nothing is resolved. */
  readonly isPartial: boolean;
  /** Slots that were skipped just before this one. */
  readonly missed: number;
  /** How far all living sources were archived when the slot was found due; undefined when there was none to wait for. */
  readonly watermarkMs?: number | undefined;
}

/**
 * Why nobody was told although a message was due. `limit`: more than maxMessages in the slot; `latch`: the end of an alert that latches;
 * `no_receiver`: the rule has none, or of an end: nobody was told of the incident, or whoever was is configured no more.
 */
export type Suppressed = 'no_receiver' | 'limit' | 'latch';

/** A row of alert_transition, without group and slot. */
export interface TransitionRow
  extends Pick<StoredInstance, 'rule_uid' | 'rule' | 'fingerprint' | 'value' | 'labels' | 'row' | 'step'> {
  readonly incident_id: string;
  readonly from_state: string;
  readonly to_state: string;
  readonly reason: string;
  readonly suppressed: string | null;
}

/** A row of notification_change, without group and slot: what people are to hear of. */
export interface ChangeRow extends Pick<StoredInstance, 'rule_uid' | 'rule' | 'fingerprint'> {
  readonly incident_id: string;
  /** `tell`: to a destination; `end`: to all who know of the incident; `forget`: it is over, and nobody is told. */
  readonly kind: 'tell' | 'end' | 'forget';
  /** Changes with everything that people hear of anew. */
  readonly mark?: string;
  readonly is_latched?: boolean;
  readonly destination?: Destination;
  /** Of an end: what has changed. */
  readonly payload?: Partial<NotificationPayload> | undefined;
}

/** The end of an incident that people may have been told of. */
export interface EndedIncident {
  /** Its place among the transitions of the slot. */
  readonly transition: number;
  readonly change: ChangeRow;
}

/** What a rule changes in a slot, ready for the tables. */
export interface SlotChanges {
  readonly instances: StoredInstance[];
  /** Series that nothing has to be known of any more. */
  readonly gone: Pick<StoredInstance, 'rule_uid' | 'fingerprint'>[];
  readonly transitions: TransitionRow[];
  readonly changes: ChangeRow[];
  /** Still to be told to those who know of them, whom only Postgres knows: told-receivers.ts. */
  readonly ended: EndedIncident[];
  /** Annotations that could not be filled in. */
  readonly problems: string[];
  /** Series with a row that are ok after the slot. */
  ok: number;
  /** Series that people are told of: firing, or without data. */
  told: number;
  /** Series that people are not told of, as they are more than maxMessages. */
  dropped: number;
}

/** What all series of a rule have in common in a slot. */
export interface SlotContext {
  readonly group: Pick<RuleGroup, 'name' | 'everyMs'>;
  readonly slot: Slot;
  /** Where it is told that an alert fires, that it is worse, and of nodata. */
  readonly destinationsOf: (alert: RoutedAlert) => readonly Destination[];
  /** By fingerprint: what the context query of the rule says of alerts that begin to fire. */
  readonly examples?: ReadonlyMap<string, readonly StoredRow[]> | undefined;
  /** How an alert that fires is told; default `firing`. */
  readonly firingReason?: NotificationReason;
  readonly changes: SlotChanges;
}

export function createChanges(): SlotChanges {
  return { instances: [], gone: [], transitions: [], changes: [], ended: [], problems: [], ok: 0, told: 0, dropped: 0 };
}

/** What an evaluation says of one series. */
export interface SeriesInput {
  readonly input: Input;
  /** Index of the severity step; -1 without. */
  readonly step: number;
  readonly seen: Seen;
  /** For the input `missing`; default: the rule's `missing`. */
  readonly absence?: AbsencePolicy;
}

/** Whether a rule has to know its series that are ok: only then can it miss them. */
export function watchesOk({ missing, noData }: Pick<Rule, 'missing' | 'noData'>): boolean {
  return [missing, noData].some(({ policy }) => policy === 'alert' || policy === 'nodata');
}

/** Works out what an input does to a series, and notes it in `context.changes`. @returns the state after; undefined for one that stays unknown */
export function applyInput(
  rule: Rule,
  before: StoredInstance | undefined,
  given: SeriesInput,
  context: SlotContext,
): State | undefined {
  const { group, slot, changes } = context;
  const instance = before === undefined ? undefined : toInstance(before);
  const policy = {
    for: rule.for,
    everyMs: group.everyMs,
    keepFiringForMs: rule.keepFiringForMs,
    missing: given.absence ?? rule.missing,
    latch: rule.latch,
    incidentId: (slotMs: number) => incidentIdOf(given.seen.fingerprint, slotMs),
  };
  const moved = advance(instance, given.input, slot.slotMs, policy, given.step);
  if (moved.instance === undefined) return undefined;
  const { transition } = moved;
  const reason = transition === undefined ? undefined : notificationOf(transition);
  const wasLimited = before?.suppressed === 'limit';
  const { labels, annotations } = describe(rule, given.seen, moved, changes);
  const destinations =
    reason === undefined || reason === 'resolved'
      ? []
      : context.destinationsOf({ rule_uid: rule.uid, fingerprint: given.seen.fingerprint, labels });
  const suppressed =
    transition?.suppressed ??
    (reason === undefined ? null : suppressionOf(rule, reason, { wasLimited, isHeard: destinations.length > 0 }, changes));
  // Who was told of an alert is told of its end, though a step of it was one message too many.
  const wasTold = instance?.isTold === true && !wasLimited;
  const isLimited = reason === undefined ? wasLimited : suppressed === 'limit' && !wasTold;
  const after = toStored(rule, moved.instance, {
    seen: given.seen,
    labels,
    annotations,
    group_name: group.name,
    suppressed: isLimited && moved.instance.state !== 'ok' ? 'limit' : null,
  });
  if (after.state === 'ok' && !watchesOk(rule)) {
    if (before !== undefined) changes.gone.push({ rule_uid: after.rule_uid, fingerprint: after.fingerprint });
  } else if (before === undefined || moved.instance !== instance || isWorthWriting(before, after)) changes.instances.push(after);
  if (transition !== undefined) {
    changes.transitions.push(toTransition(after, transition, suppressed));
    if (suppressed === 'latch') changes.changes.push(toChange(after, transition, { kind: 'forget' }));
    if (reason !== undefined && suppressed === null)
      tell(rule, { reason, destinations, transition, before: instance, after }, context);
  }
  return after.state;
}

/** Labels with the severity that holds, and annotations: only of what people may see. */
function describe(rule: Rule, seen: Seen, { instance, transition }: Advance, changes: SlotChanges) {
  const severity = rule.steps[transition?.step ?? instance?.step ?? -1]?.severity;
  const labels = severity === undefined ? seen.labels : { ...seen.labels, severity };
  if (instance?.state === 'ok' && transition === undefined) return { labels, annotations: {} };
  const { texts, problems } = renderAnnotations(rule.annotations, toCells(seen.row));
  changes.problems.push(...problems);
  return { labels, annotations: texts };
}

/** Why nobody is told; null when somebody is. Counts those who are. */
function suppressionOf(
  rule: Rule,
  reason: 'firing' | 'resolved' | 'nodata',
  { wasLimited, isHeard }: { readonly wasLimited: boolean; readonly isHeard: boolean },
  changes: SlotChanges,
): Suppressed | null {
  if (reason === 'resolved') return wasLimited ? 'limit' : null;
  if (!isHeard) return 'no_receiver';
  if (changes.told < rule.maxMessages) {
    changes.told++;
    return null;
  }
  changes.dropped++;
  return 'limit';
}

function toTransition(after: StoredInstance, transition: Transition, suppressed: string | null): TransitionRow {
  const { rule_uid, rule, fingerprint, value, labels, row } = after;
  const { incidentId: incident_id, from: from_state, to: to_state, reason, step } = transition;
  return { rule_uid, rule, fingerprint, value, labels, row, incident_id, from_state, to_state, reason, step, suppressed };
}

/** What there is to tell, and to whom. */
interface Telling {
  readonly reason: 'firing' | 'resolved' | 'nodata';
  readonly destinations: readonly Destination[];
  readonly transition: Transition;
  readonly before: AlertInstance | undefined;
  readonly after: StoredInstance;
}

function tell(
  rule: Rule,
  { reason, destinations, transition, before, after }: Telling,
  { group, slot, examples, firingReason = 'firing', changes }: SlotContext,
): void {
  const { fingerprint, labels, annotations, row, value } = after;
  const { incidentId } = transition;
  const told = reason === 'firing' ? firingReason : reason;
  const activeAtMs = after.active_at_ms ?? before?.activeAtMs ?? slot.slotMs;
  const payload = createNotification({
    group: group.name,
    rule,
    reason: told,
    fingerprint,
    incidentId,
    labels,
    annotations,
    row,
    value,
    activeAtMs,
    startsAtMs: after.fired_at_ms ?? before?.firedAtMs ?? activeAtMs,
    slotMs: slot.slotMs,
    isPartial: slot.isPartial,
    context: reason === 'firing' ? examples?.get(fingerprint) : undefined,
  });
  if (reason === 'resolved') {
    const change = toChange(after, transition, { kind: 'end', payload });
    changes.ended.push({ transition: changes.transitions.length - 1, change });
    return;
  }
  // What may be told several times in an incident is news each time.
  const mark = reason === 'nodata' || transition.reason === 'step' ? `${told}:${slot.slotMs}` : told;
  for (const destination of destinations)
    changes.changes.push(toChange(after, transition, { kind: 'tell', mark, is_latched: rule.latch, destination, payload }));
}

function toChange(
  { rule_uid, rule, fingerprint }: StoredInstance,
  { incidentId }: Transition,
  change: Pick<ChangeRow, 'kind' | 'mark' | 'is_latched' | 'destination' | 'payload'>,
): ChangeRow {
  return { rule_uid, rule, fingerprint, incident_id: incidentId, ...change };
}
