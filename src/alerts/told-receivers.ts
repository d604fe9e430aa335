// Tells the end of incidents to those who were told of them, whatever `notify` and routes say by now. Who that is stands in Postgres; it is asked
// only in slots in which something ends.
import type { Transaction } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import type { SlotChanges } from './slot-changes.ts';

const LIST_KNOWN = loadSql('alerts/delivery/list-known-incidents');

/**
 * Adds what is to be told of ended incidents to `plans`. Of one that nobody has heard of, or nobody who is still configured, nothing is told: its
 * transition says `no_receiver`.
 * @param receivers names of all receivers that there are
 */
export async function tellEnds(
  transaction: Transaction,
  plans: readonly SlotChanges[],
  receivers: readonly string[],
): Promise<void> {
  const incidents = plans.flatMap(({ ended }) => ended.map(({ change }) => change.incident_id));
  const known = await listKnownIncidents(transaction, incidents, receivers);
  for (const { ended, transitions, changes } of plans) {
    for (const { transition, change } of ended) {
      const row = transitions[transition];
      if (known.has(change.incident_id)) changes.push(change);
      else if (row !== undefined) {
        transitions[transition] = { ...row, suppressed: 'no_receiver' };
        changes.push({ ...change, kind: 'forget' });
      }
    }
  }
}

/** Those of incidents that somebody hears of. @param receivers names of all that there are; undefined: whoever asks does not know */
export async function listKnownIncidents(
  transaction: Transaction,
  incidents: readonly string[],
  receivers: readonly string[] | undefined,
): Promise<ReadonlySet<string>> {
  if (incidents.length === 0) return new Set();
  const rows = await transaction.any<{ incident_id: string }>(LIST_KNOWN, { incidents, receivers: receivers ?? null });
  return new Set(rows.map(({ incident_id }) => incident_id));
}
