// Writes the message of a group: its alerts, and of those before that nobody has sent the ends that this one would leave out.
import { formatGroupKey } from '../../routing/route.ts';
import type { MessagePayload, NotificationPayload, NotificationReason } from '../notification.ts';
import { uuidOf } from '../series.ts';
import type { Member, PayloadRow } from './group-rows.ts';
import type { FlushedGroup } from './group-writes.ts';

/** A row of notification_outbox. */
export interface MessageRow {
  readonly group_key: string;
  readonly version: number;
  readonly thread: string;
  readonly receiver: string;
  readonly reason: NotificationReason;
  readonly rule_uid: string;
  readonly rule: string;
  /** Hexadecimal. */
  readonly fingerprint: string;
  readonly group_name: string;
  readonly alerts: number;
  readonly payload: MessagePayload;
  /** When the oldest of those that it replaces would have been given up; null: it replaces none. */
  readonly expires_at_ms: number | null;
}

/** A message that nobody has sent. */
export interface UnsentRow {
  readonly group_key: string;
  readonly payload: MessagePayload;
  readonly expires_at_ms: number;
}

interface ToldAlert {
  readonly member: Member;
  readonly payload: PayloadRow;
}

/** @param told of the alerts of the message, those that it names @param unsent earlier messages of the thread, which it replaces */
export function createMessage(
  { group, flush, ...one }: FlushedGroup,
  told: readonly ToldAlert[],
  unsent: readonly UnsentRow[],
): MessageRow | undefined {
  const [lead] = told;
  if (flush.message === undefined || lead === undefined) return undefined;
  const { alerts, reason } = flush.message;
  const payloads = told.map(describe);
  const ends = endsLeftOut(unsent, payloads);
  const firing = alerts.filter(({ isFiring, isFlapping }) => isFiring || isFlapping === true).length;
  const first = payloads[0] ?? lead.payload.payload;
  const { row } = lead.member;
  return {
    group_key: group.group_key,
    version: group.version + 1,
    thread: threadOf({ group, flush, ...one }),
    receiver: group.receiver,
    reason: first.reason ?? first.status,
    rule_uid: row.rule_uid,
    rule: row.rule,
    fingerprint: row.fingerprint,
    group_name: lead.payload.group_name,
    alerts: alerts.length + ends.length,
    payload: {
      ...first,
      together: {
        key: formatGroupKey({ key: group.route }, group.labels),
        labels: group.labels,
        why: reason,
        alerts: [...payloads, ...ends],
        firing,
        resolved: alerts.length - firing + ends.length,
      },
    },
    expires_at_ms: unsent.length === 0 ? null : Math.min(...unsent.map((before) => before.expires_at_ms)),
  };
}

/**
 * What the messages of a group have in common: from the first that is told of it until all is over. Of an alert alone it is the incident; two groups of a
 * receiver have threads of their own, as one may end before the other.
 */
export function threadOf({ group, rows, flush }: FlushedGroup): string {
  const incident = flush.message?.alerts[0]?.row.incident_id ?? '';
  const known = rows.some(({ told }) => told === 'firing') ? group.thread : null;
  return known ?? (group.settings.groupIntervalMs === 0 ? incident : uuidOf(`${group.group_key}:${incident}`));
}

/** Ends that were told in messages that nobody got, and that this one does not tell. */
function endsLeftOut(unsent: readonly UnsentRow[], told: readonly NotificationPayload[]): NotificationPayload[] {
  const seen = new Set(told.map(({ fingerprint }) => fingerprint));
  const ends = new Map<string, NotificationPayload>();
  for (const { payload } of unsent)
    for (const alert of payload.together?.alerts ?? [payload])
      if (alert.status === 'resolved' && !seen.has(alert.fingerprint)) ends.set(alert.fingerprint, alert);
  return [...ends.values()];
}

function describe({ member: { isFlapping, row }, payload: { payload } }: ToldAlert): NotificationPayload {
  if (isFlapping !== true) return payload;
  const flapping = `it began and ended ${row.turns.length} times in a short while; you hear of it again when it is quiet`;
  // Between two turns it may be over: it counts as firing until it is quiet.
  const firing = { status: 'firing', reason: 'firing', endsAt: null } as const;
  return { ...payload, ...firing, annotations: { ...payload.annotations, flapping } };
}
