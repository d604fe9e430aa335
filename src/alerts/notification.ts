// What a message says, whoever sends it: the alert as it was in the slot that changed it. Kept in the outbox as JSON.
import type { Rule } from './rule.ts';

/** The payload of an outbox row. Times are ISO 8601; `endsAt` is null while firing. */
export interface NotificationPayload {
  readonly status: 'firing' | 'resolved';
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
  readonly row: Readonly<Record<string, string | number | null>>;
  readonly fireWhen: string;
  readonly forMs: number;
  readonly partial: boolean;
}

export interface NotificationInput
  extends Pick<NotificationPayload, 'group' | 'labels' | 'annotations' | 'fingerprint' | 'incidentId' | 'value' | 'row'> {
  readonly rule: Rule;
  readonly reason: 'firing' | 'resolved';
  readonly activeAtMs: number;
  readonly firedAtMs: number;
  readonly slotMs: number;
  readonly isPartial: boolean;
}

/** Builds the payload of a message. */
export function createNotification({
  rule,
  reason,
  activeAtMs,
  firedAtMs,
  slotMs,
  isPartial,
  ...input
}: NotificationInput): NotificationPayload {
  return {
    ...input,
    status: reason,
    startsAt: toIso(firedAtMs),
    endsAt: reason === 'resolved' ? toIso(slotMs) : null,
    activeAt: toIso(activeAtMs),
    slot: toIso(slotMs),
    fireWhen: rule.fireWhen.text,
    forMs: 'ms' in rule.for ? rule.for.ms : 0,
    partial: isPartial,
  };
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
