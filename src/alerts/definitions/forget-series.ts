// Ends series by hand: those that are missing and never come back, or nobody wants to hear of. What a query still gives a row for begins anew
// with the next slot.
import { type Database, inTransaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { endSeries, MAX_ENDED } from '../end-series.ts';
import type { StoredInstance } from '../instance-row.ts';
import type { ForgetSelector } from './forget-schema.ts';

/** What was known of a series that is forgotten. */
export interface ForgottenSeries extends Pick<StoredInstance, 'rule' | 'rule_uid' | 'fingerprint' | 'state' | 'labels'> {
  readonly group: string;
}

export interface Forgotten {
  readonly count: number;
  /** Messages to those who were told that these alerts fire, or have no data. */
  readonly notifications: number;
  /** The first 100. */
  readonly series: readonly ForgottenSeries[];
}

export interface ForgetOptions {
  /** Who wants it, for the record. */
  readonly actor: string;
  /** Only say which; default false. */
  readonly isDryRun?: boolean;
}

const LIST_CHOSEN = loadSql('alerts/list-chosen-instances');
const LOCK_GROUP = loadSql('alerts/lock-group');
const INSERT_AUDIT = loadSql('alerts/insert-audit');
const SHOWN = 100;
/** Of one call. More would be a mistake, or a rule that is to be deleted. */
const MAX_FORGOTTEN = 50_000;

/**
 * Ends the series that the selector names, and records who did it. Each group is done in pieces of its own: what was ended stays ended.
 * @throws the error of the database
 */
export async function forgetSeries(
  database: Database,
  { fingerprint = null, rule = null, labels = null }: { readonly [Key in keyof ForgetSelector]: ForgetSelector[Key] | null },
  { actor, isDryRun = false }: ForgetOptions,
): Promise<Forgotten> {
  const chosen = { fingerprint, rule, labels: labels === null ? null : JSON.stringify(labels) };
  const list = (values: { group: string | null; most: number }) =>
    database.any<StoredInstance>(LIST_CHOSEN, { ...chosen, ...values });
  if (isDryRun) {
    const found = await list({ group: null, most: MAX_FORGOTTEN });
    return { count: found.length, notifications: 0, series: found.slice(0, SHOWN).map(toForgotten) };
  }
  const series: ForgottenSeries[] = [];
  let [count, notifications] = [0, 0];
  for (let [next] = await list({ group: null, most: 1 }); next !== undefined && count < MAX_FORGOTTEN; ) {
    const group = next.group_name;
    const ended = await inTransaction(database, async (transaction) => {
      const { ends_ms } = await transaction.one<{ ends_ms: number }>(LOCK_GROUP, { group });
      const instances = await transaction.any<StoredInstance>(LIST_CHOSEN, { ...chosen, group, most: MAX_ENDED });
      const at = { group, slot: new Date(ends_ms), reason: 'forgotten', receivers: undefined } as const;
      const messages = await endSeries(transaction, instances, at);
      await transaction.none(INSERT_AUDIT, { actor, changes: instances.map(toChange) });
      return { instances, messages };
    });
    count += ended.instances.length;
    notifications += ended.messages;
    series.push(...ended.instances.slice(0, SHOWN - series.length).map(toForgotten));
    [next] = await list({ group: null, most: 1 });
  }
  return { count, notifications, series };
}

function toForgotten({ group_name, rule, rule_uid, fingerprint, state, labels }: StoredInstance): ForgottenSeries {
  return { group: group_name, rule, rule_uid, fingerprint, state, labels };
}

function toChange({ rule, rule_uid, fingerprint, state, labels, incident_id }: StoredInstance): object {
  const before = { rule, rule_uid, state, labels, incident_id };
  return { kind: 'series', name: fingerprint, action: 'forget', version: null, before, after: null };
}
