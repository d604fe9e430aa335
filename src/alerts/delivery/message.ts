// Writes the message of a group: its alerts, and of those before that nobody has sent the ends that this one would leave out.
import { formatGroupKey } from '../../routing/route.ts';
import type { MessagePayload, NotificationPayload, NotificationReason } from '../notification.ts';
import type { Member, PayloadRow } from './group-rows.ts';
import type { FlushedGroup } from './group-writes.ts';

/** A row of notification_outbox. */
export interface MessageRow {
  readonly group_key: string;
  readonly version: number;
  readonly thread: string;
  readonly receiver: string;
  readonly reason: NotificationReason;
  readonly kind: 'alerts' | 'digest' | 'delivery';
  readonly rule_uid: string;
  readonly rule: string;
  /** Hexadecimal. */
  readonly fingerprint: string;
  readonly group_name: string;
  readonly alerts: number;
  readonly payload: MessagePayload;
}

interface ToldAlert {
  readonly member: Member;
  readonly payload: PayloadRow;
}

/** @param told of the alerts of the message, those that it names @param unsent payloads of earlier messages of the group that it replaces */
export function createMessage(
  { group, rows, flush }: FlushedGroup,
  told: readonly ToldAlert[],
  unsent: readonly MessagePayload[],
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
    thread: (rows.some((known) => known.told === 'firing') ? group.thread : null) ?? row.incident_id,
    receiver: group.receiver,
    reason: first.reason ?? first.status,
    kind: 'alerts',
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
  };
}

/** Ends that were told in messages that nobody got, and that this one does not tell. */
function endsLeftOut(unsent: readonly MessagePayload[], told: readonly NotificationPayload[]): NotificationPayload[] {
  const seen = new Set(told.map(({ fingerprint }) => fingerprint));
  const ends = new Map<string, NotificationPayload>();
  for (const payload of unsent)
    for (const alert of payload.together?.alerts ?? [payload])
      if (alert.status === 'resolved' && !seen.has(alert.fingerprint)) ends.set(alert.fingerprint, alert);
  return [...ends.values()];
}

function describe({ member: { isFlapping, row }, payload: { payload } }: ToldAlert): NotificationPayload {
  if (isFlapping !== true) return payload;
  const flapping = `it began and ended ${row.turns.length} times in a short while; you hear of it again when it is quiet`;
  return { ...payload, annotations: { ...payload.annotations, flapping } };
}
