// What a message tells of: one alert, or a group of them, and whether anything of it fires. No texts.
import type { AlertGroup, MessagePayload, NotificationPayload } from '../notification.ts';
import type { OutboxMessage } from './notifier.ts';

/** The group; undefined where the message is of one alert alone, and looks so. */
export function groupOf({ payload: { together } }: Pick<OutboxMessage, 'payload'>): AlertGroup | undefined {
  return together !== undefined && together.alerts.length > 0 && together.firing + together.resolved > 1 ? together : undefined;
}

/** All of them that the message carries, those that fire first; at least one. */
export function alertsOf({ payload }: Pick<OutboxMessage, 'payload'>): readonly NotificationPayload[] {
  const { together, ...own } = payload;
  return together === undefined || together.alerts.length === 0 ? [own] : together.alerts;
}

/** Nothing of the conversation fires any more. */
export function isOver({ payload: { together }, reason }: Pick<OutboxMessage, 'payload' | 'reason'>): boolean {
  return together === undefined ? reason === 'resolved' : together.firing === 0;
}

/** The same message, as if it told of this alert alone. */
export function aloneIn(message: OutboxMessage, alert: NotificationPayload): OutboxMessage {
  const payload: MessagePayload = alert;
  return { ...message, payload, reason: alert.reason ?? alert.status, rule: alert.labels['alertname'] ?? message.rule };
}

/** What all of them have with the same value. */
export function commonOf(texts: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const [first = {}, ...others] = texts;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((one) => Object.hasOwn(one, name) && one[name] === value)),
  );
}
