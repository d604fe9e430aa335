// Acknowledgements in Postgres: somebody works on an incident, so that it is neither repeated nor escalated. Of incidents that are open only; with a
// record of who said so, and who took it back.
import { type Database, inTransaction, type Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import { checkDraft } from '../definitions/check-draft.ts';
import { acknowledgementSchema } from './acknowledgement-schema.ts';
import { idsFrom, MOST_ALIKE, onlyOne } from './id-prefix.ts';

/** Times are ISO 8601 in UTC. */
export interface Acknowledgement {
  readonly incident_id: string;
  readonly acknowledged_at: string;
  readonly by: string;
  readonly comment: string;
  /** When it ends by itself; null: with the incident. */
  readonly until: string | null;
}

export interface Acknowledgements {
  /**
   * Instead of whoever did before.
   * @param incident its id, or the first 8 characters of it and more
   * @returns undefined: there is no such incident
   * @throws KeepwatchError ERR_USAGE naming all that is wrong with it; that the incident is over; that several begin so
   */
  acknowledge(incident: string, given: unknown, actor: string): Promise<Acknowledgement | undefined>;
  /** What is taken back; undefined: there is none. @throws KeepwatchError ERR_USAGE when several begin so */
  withdraw(incident: string, actor: string): Promise<Acknowledgement | undefined>;
}

interface Incident {
  readonly incident_id: string;
  readonly rule: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Null: it is open. */
  readonly ended_at: string | null;
}

const FIND = loadSql('alerts/find-incidents');
const LOCK = loadSql('alerts/lock-acknowledgement');
const UPSERT = loadSql('alerts/upsert-acknowledgement');
const DELETE = loadSql('alerts/delete-acknowledgement');
const NOW = loadSql('alerts/read-now');
const RECORD = loadSql('alerts/insert-audit');
const WHAT = 'incident';

/** @param database may read alerts, and write acknowledgements and records of them */
export function createAcknowledgements(database: Database): Acknowledgements {
  return {
    async acknowledge(given, body, actor) {
      const { until, ...draft } = checkDraft(acknowledgementSchema, body);
      const ids = { ...idsFrom(given, WHAT), most: MOST_ALIKE };
      return inTransaction(database, async (transaction) => {
        const incident = openOf(await transaction.any<Incident>(FIND, ids), given);
        if (incident === undefined) return undefined;
        const id = incident.incident_id;
        const [before = null] = await transaction.any<Acknowledgement>(LOCK, { low: id, high: id, most: 1 });
        const values = { incident: id, ...draft, until: await settle(transaction, until) };
        const after = await transaction.one<Acknowledgement>(UPSERT, values);
        await record(transaction, actor, { before, after });
        return after;
      });
    },
    withdraw: (given, actor) => {
      const ids = { ...idsFrom(given, WHAT), most: MOST_ALIKE };
      return inTransaction(database, async (transaction) => {
        const known = await transaction.any<Acknowledgement>(LOCK, ids);
        const before = onlyOne(known, given, WHAT, ({ incident_id, by }) => `${incident_id} (${by})`);
        if (before === undefined) return undefined;
        await transaction.none(DELETE, { incident: before.incident_id });
        await record(transaction, actor, { before, after: null });
        return before;
      });
    },
  };
}

/** @throws KeepwatchError ERR_USAGE when there are several, or it is over */
function openOf(incidents: readonly Incident[], given: string): Incident | undefined {
  const open = incidents.filter(({ ended_at }) => ended_at === null);
  const found = onlyOne(open.length > 0 ? open : incidents, given, WHAT, describe);
  if (found === undefined || found.ended_at === null) return found;
  throw new KeepwatchError(
    'ERR_USAGE',
    `${WHAT}: ${describe(found)} is over since ${found.ended_at}; allowed: one that is open, as /alerts and \`keepwatch alerts list\` have them`,
  );
}

function describe({ incident_id, rule, labels }: Incident): string {
  const { alertname: _, ...others } = labels;
  return `${incident_id} (${rule} ${JSON.stringify(others).slice(0, 200)})`;
}

/** @throws KeepwatchError ERR_USAGE when it has passed */
async function settle(transaction: Transaction, until: Date | number | undefined): Promise<Date | null> {
  if (until === undefined) return null;
  const { now_ms } = await transaction.one<{ now_ms: number }>(NOW);
  const at = typeof until === 'number' ? new Date(now_ms + until) : until;
  if (at.getTime() > now_ms) return at;
  const now = new Date(now_ms).toISOString();
  throw new KeepwatchError(
    'ERR_USAGE',
    `until: got ${at.toISOString()}; allowed: later than now, ${now} by the clock of Postgres`,
  );
}

async function record(
  transaction: Transaction,
  actor: string,
  { before, after }: Readonly<Record<'before' | 'after', Acknowledgement | null>>,
): Promise<void> {
  const name = (after ?? before)?.incident_id;
  const action = after === null ? 'delete' : before === null ? 'create' : 'update';
  const change = { kind: 'acknowledgement', name, action, version: null, before, after };
  await transaction.none(RECORD, { actor, changes: [change] });
}
