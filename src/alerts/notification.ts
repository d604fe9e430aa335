// What a message says, whoever sends it: the alert as it was in the slot that changed it. Kept in the outbox as JSON.
import type { StoredRow } from './instance-row.ts';
import type { Rule } from './rule.ts';

/** What a message is about: an alert that fires, one that is over, a series without data, a rule without an answer. */
export type NotificationReason = 'firing' | 'resolved' | 'nodata' | 'error';

/** One alert. Times are ISO 8601; `endsAt` is null while firing. */
export interface NotificationPayload {
  readonly status: 'firing' | 'resolved';
  /** Not there in messages of versions that had but these two. */
  readonly reason?: NotificationReason;
  readonly group: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string | null;
  /** The first breach, before `for`. */
  readonly activeAt: string;
  readonly slot: string;
  readonly fingerprint: string;
  readonly incidentId: string;
  readonly value: number | string | null;
  readonly row: StoredRow;
  /** Example rows of the rule's context query; not there without one, or when it failed. */
  readonly context?: readonly StoredRow[];
  readonly fireWhen: string;
  /** 0 for M of N. */
  readonly forMs: number;
  readonly partial: boolean;
}

/** What a group has heard of it now, for which a message goes out. */
export type MessageReason =
  | 'first notification'
  | 'new alerts added'
  | 'some alerts resolved'
  | 'all alerts resolved'
  | 'repeat interval elapsed';

/** The alerts that one message tells of together. */
export interface AlertGroup {
  /** Names the group to its receiver: `{severity="page"}:{alertname="HighErrorRate"}`. */
  readonly key: string;
  /** What the alerts have in common by group_by. */
  readonly labels: Readonly<Record<string, string>>;
  readonly why: MessageReason;
  /** Those that fire first; the first one is the message's own. At most 100 of them. */
  readonly alerts: readonly NotificationPayload[];
  /** How many fire, and how many are over, of all that the message is about. */
  readonly firing: number;
  readonly resolved: number;
}

/** The payload of an outbox row: an alert, and the group that it is told with. */
export interface MessagePayload extends NotificationPayload {
  /** Not there in messages of one alert alone, of versions that knew no groups, and in tests of receivers. */
  readonly together?: AlertGroup;
}

export interface NotificationInput
  extends Pick<NotificationPayload, 'group' | 'labels' | 'annotations' | 'fingerprint' | 'incidentId' | 'value' | 'row'> {
  readonly rule: Pick<Rule, 'fireWhen' | 'for'>;
  readonly reason: NotificationReason;
  readonly activeAtMs: number;
  readonly startsAtMs: number;
  readonly slotMs: number;
  readonly isPartial: boolean;
  readonly context: readonly StoredRow[] | undefined;
}

/** Builds the payload of a message; member by member, as copies of objects are ten times what a storm of alerts would take. */
export function createNotification(input: NotificationInput): NotificationPayload {
  const { rule, reason, context } = input;
  const payload = {
    status: reason === 'resolved' ? ('resolved' as const) : ('firing' as const),
    reason,
    group: input.group,
    labels: input.labels,
    annotations: input.annotations,
    startsAt: toIso(input.startsAtMs),
    endsAt: reason === 'resolved' ? toIso(input.slotMs) : null,
    activeAt: toIso(input.activeAtMs),
    slot: toIso(input.slotMs),
    fingerprint: input.fingerprint,
    incidentId: input.incidentId,
    value: input.value,
    row: input.row,
    fireWhen: rule.fireWhen.text,
    forMs: 'ms' in rule.for ? rule.for.ms : 0,
    partial: input.isPartial,
  };
  return context === undefined ? payload : { ...payload, context };
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
