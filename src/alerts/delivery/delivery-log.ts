// What became of messages: what was sent, to whom, when, with which answer. Newest first, page by page.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { cursorBehind, parseCursor } from '../page-cursor.ts';
import { idsFrom, MOST_ALIKE, onlyOne, UUID } from './id-prefix.ts';

export const DELIVERY_STATUSES = ['pending', 'sent', 'dead', 'merged'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** A message in the outbox. Times are ISO 8601 in UTC. */
export interface DeliveryEntry {
  readonly id: string;
  readonly created_at: string;
  readonly receiver: string;
  /** What it tells of: alerts, more groups than people can read, or messages that were given up. */
  readonly kind: 'alerts' | 'digest' | 'delivery';
  readonly status: DeliveryStatus;
  readonly reason: 'firing' | 'resolved' | 'nodata' | 'error';
  /** Of its first alert. */
  readonly rule: string;
  /** How many it tells of. */
  readonly alerts: number;
  /** Why the group was told; null of a message of one alert. */
  readonly why: string | null;
  /** What its alerts have in common. */
  readonly labels: Readonly<Record<string, string>>;
  /** What messages of one conversation have in common. */
  readonly incident_id: string;
  readonly group_key: string | null;
  readonly version: number | null;
  readonly attempts: number;
  /** It may have arrived more than once. */
  readonly maybe_sent: boolean;
  /** While it is pending. */
  readonly next_attempt_at: string | null;
  readonly sent_at: string | null;
  /** When it is given up. */
  readonly expires_at: string;
  /** The message that told its news too. */
  readonly merged_into: string | null;
  /** What the receiver said when it took it. */
  readonly answer: string | null;
  readonly last_error: string | null;
}

/** What became of an attempt. */
export interface DeliveryAttempt {
  readonly attempt: number;
  readonly at: string;
  readonly outcome: 'delivered' | 'retry' | 'refused' | 'unknown';
  readonly duration_ms: number;
  readonly answer: string;
}

/** A message with what was sent, and each attempt. */
export interface DeliveryDetail extends DeliveryEntry {
  readonly payload: Readonly<Record<string, unknown>>;
  /** The last 50. */
  readonly attempt_log: readonly DeliveryAttempt[];
}

export interface DeliveriesQuery {
  readonly since: Date;
  readonly receiver?: string | undefined;
  readonly status?: DeliveryStatus | undefined;
  /** A uuid: messages that tell of it; of a group its first 100 alerts are known. */
  readonly incident?: string | undefined;
  readonly limit: number;
  /** Where the last page ended; its filters have to be given again. */
  readonly cursor?: string | undefined;
}

export interface DeliveryLog {
  /** @throws KeepwatchError ERR_USAGE when the cursor is none of ours */
  list(query: DeliveriesQuery): Promise<{ readonly deliveries: readonly DeliveryEntry[]; readonly cursor?: string }>;
  /** @param id or its first 8 characters and more @throws KeepwatchError ERR_USAGE when several begin so */
  read(id: string): Promise<DeliveryDetail | undefined>;
}

const LIST = loadSql('alerts/list-deliveries');
const LIST_BY_ID = loadSql('alerts/list-deliveries-by-id');

export function createDeliveryLog(database: Database): DeliveryLog {
  return {
    async list({ since, receiver, status, incident, limit, cursor }) {
      const [beforeTime, beforeId] = cursor === undefined ? [null, null] : parseCursor(cursor, UUID);
      const filters = { receiver: receiver ?? null, status: status ?? null, incident: incident?.toLowerCase() ?? null };
      const place = { since: since.getTime(), beforeTime, beforeId, limit: limit + 1 };
      const rows = await database.any<DeliveryRow>(LIST, { ...filters, ...place });
      return {
        deliveries: rows.slice(0, limit).map(toEntry),
        ...cursorBehind(rows, limit, ({ created_at, id }) => [created_at, id]),
      };
    },
    async read(id) {
      const rows = await database.any<DetailRow>(LIST_BY_ID, { ...idsFrom(id, 'delivery'), most: MOST_ALIKE });
      const row = onlyOne(rows, id, 'delivery', (delivery) => `${delivery.id} (${delivery.receiver}, ${delivery.rule})`);
      return row && { ...row, ...toEntry(row) };
    },
  };
}

/** A delivery as Postgres has it: its next attempt is a time whatever became of it. */
interface DeliveryRow extends Omit<DeliveryEntry, 'next_attempt_at' | 'sent_at' | 'expires_at'> {
  readonly next_attempt_at: Date;
  readonly sent_at: Date | null;
  readonly expires_at: Date;
}

type DetailRow = DeliveryRow & Pick<DeliveryDetail, 'payload' | 'attempt_log'>;

function toEntry(row: DeliveryRow): DeliveryEntry {
  return {
    ...row,
    next_attempt_at: row.status === 'pending' ? row.next_attempt_at.toISOString() : null,
    sent_at: row.sent_at?.toISOString() ?? null,
    expires_at: row.expires_at.toISOString(),
  };
}
