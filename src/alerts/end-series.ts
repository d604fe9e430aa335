// Ends series outside of any slot, as their rules are gone or people want no more of them: a transition, a message to each who was told of the
// incident, and the state is forgotten. The caller holds the lock of the group.
import type { Transaction } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import { type StoredInstance, toInstance } from './instance-row.ts';
import type { ChangeRow, TransitionRow } from './slot-changes.ts';
import { endIncident, notificationOf } from './state.ts';
import { listKnownIncidents } from './told-receivers.ts';

/** Series ended in one transaction at most: what bounds its memory and its statements. */
export const MAX_ENDED = 2000;

export interface EndOptions {
  readonly group: string;
  /** What transitions and messages are of. */
  readonly slot: Date;
  readonly reason: 'rule_deleted' | 'forgotten';
  /** Names of all receivers that there are; undefined: whoever ends them does not know. */
  readonly receivers: readonly string[] | undefined;
}

const INSERT_TRANSITIONS = loadSql('alerts/insert-transitions');
const INSERT_CHANGES = loadSql('alerts/delivery/insert-changes');
const DELETE_INSTANCES = loadSql('alerts/delete-instances');
/** Of no rule: what has ended counts for no flapping. */
const EVERY_MS = 0;

/** @param instances MAX_ENDED at most @returns how many incidents people are told the end of */
export async function endSeries(
  transaction: Transaction,
  instances: readonly StoredInstance[],
  { receivers, reason: why, ...at }: EndOptions,
): Promise<number> {
  const incidents = instances.flatMap(({ incident_id }) => incident_id ?? []);
  const known = await listKnownIncidents(transaction, incidents, receivers);
  const transitions: TransitionRow[] = [];
  const changes: ChangeRow[] = [];
  for (const stored of instances) {
    const { transition } = endIncident(toInstance(stored), why);
    if (transition === undefined) continue;
    const isOwed = notificationOf(transition) === 'resolved';
    const isHeard = isOwed && known.has(transition.incidentId);
    const { rule_uid, rule, fingerprint, value, labels, row } = stored;
    const { incidentId, from, to, reason, step } = transition;
    const suppressed = isOwed && !isHeard ? (stored.suppressed ?? 'no_receiver') : null;
    const states = { from_state: from, to_state: to, reason, step, suppressed };
    const common = { rule_uid, rule, fingerprint, incident_id: incidentId };
    transitions.push({ ...common, ...states, value, labels, row });
    changes.push(isHeard ? { ...common, kind: 'end', payload: endedAt(at.slot) } : { ...common, kind: 'forget' });
  }
  if (transitions.length > 0) await transaction.none(INSERT_TRANSITIONS, { ...at, transitions });
  if (changes.length > 0) await transaction.none(INSERT_CHANGES, { ...at, everyMs: EVERY_MS, changes });
  const keys = instances.map(({ rule_uid, fingerprint }) => ({ rule_uid, fingerprint }));
  if (keys.length > 0) await transaction.none(DELETE_INSTANCES, { instances: keys });
  return changes.filter(({ kind }) => kind === 'end').length;
}

function endedAt(slot: Date): ChangeRow['payload'] {
  const at = slot.toISOString();
  return { status: 'resolved', reason: 'resolved', endsAt: at, slot: at };
}
