// Receivers as a configuration would give them, on this machine.
import type { AlertGroup, MessagePayload, NotificationPayload } from '../../src/alerts/notification.ts';
import type { OutboxMessage } from '../../src/alerts/receivers/notifier.ts';
import { createReceivers, type Receivers, type ReceiversOptions } from '../../src/alerts/receivers/receivers.ts';
import { silentLogger } from '../../src/logger.ts';
import { type ReceiverInput, receiversSchema } from '../../src/receiver-config.ts';

/** @throws what the schema has against them */
export function openReceivers(receivers: readonly ReceiverInput[], options: Partial<ReceiversOptions> = {}): Receivers {
  return createReceivers(receiversSchema.parse(receivers), { logger: silentLogger, ...options });
}

/** One webhook, without TLS, on this machine. */
export function webhookReceivers(name: string, url: string, options: Partial<ReceiversOptions> = {}): Receivers {
  return openReceivers([{ name, webhook: { url, allowPrivate: true, allowPlaintext: true } }], options);
}

export const NO_RECEIVERS = openReceivers([]);
export const INCIDENT = '00000000-0000-8000-8000-000000000001';

/** What an alert that began to fire owes. */
export const PAYLOAD: NotificationPayload = {
  status: 'firing',
  reason: 'firing',
  group: 'g',
  labels: { alertname: 'HighErrorRate', service: 'shop', severity: 'warning' },
  annotations: { summary: 'shop: 50% failed', runbook_url: 'https://runbooks.example/high-error-rate' },
  startsAt: '2026-01-01T00:03:00.000Z',
  endsAt: null,
  activeAt: '2026-01-01T00:00:00.000Z',
  slot: '2026-01-01T00:03:00.000Z',
  fingerprint: 'ab'.repeat(32),
  incidentId: INCIDENT,
  value: 0.5,
  row: { service: 'shop', value: 0.5, events: 60 },
  context: [{ name: 'POST /pay', trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', duration_ms: 1203 }],
  fireWhen: 'value > 0.1',
  forMs: 180_000,
  partial: false,
};

/** A message as the outbox hands it over. */
export function createMessage(message: Partial<OutboxMessage> = {}, payload: Partial<MessagePayload> = {}): OutboxMessage {
  const { reason = 'firing' } = message;
  const isOver = reason === 'resolved';
  return {
    id: '11111111-0000-4000-8000-000000000001',
    thread: payload.incidentId ?? INCIDENT,
    attempts: 1,
    rule: 'HighErrorRate',
    reason,
    maybe_sent: false,
    reference: null,
    payload: {
      ...PAYLOAD,
      status: isOver ? 'resolved' : 'firing',
      reason,
      endsAt: isOver ? '2026-01-01T00:10:00.000Z' : null,
      ...payload,
    },
    ...message,
  };
}

/** An alert of a group: the service `name`, an incident of its own. */
export function createAlert(name: string, alert: Partial<NotificationPayload> = {}): NotificationPayload {
  const number = Buffer.from(name.padEnd(6, '.').slice(-6)).toString('hex');
  const isOver = alert.status === 'resolved';
  return {
    ...PAYLOAD,
    reason: isOver ? 'resolved' : 'firing',
    endsAt: isOver ? '2026-01-01T00:10:00.000Z' : null,
    labels: { ...PAYLOAD.labels, service: name },
    annotations: { ...PAYLOAD.annotations, summary: `${name}: 50% failed` },
    incidentId: `00000000-0000-8000-8000-${number}`,
    fingerprint: number.repeat(6).slice(0, 64),
    ...alert,
  };
}

/** A message of several alerts, those that fire first, grouped by their name. */
export function createGroupMessage(
  alerts: readonly NotificationPayload[],
  message: Partial<OutboxMessage> = {},
  group: Partial<AlertGroup> = {},
): OutboxMessage {
  const firing = alerts.filter(({ status }) => status === 'firing').length;
  const together: AlertGroup = {
    key: '{}:{alertname="HighErrorRate"}',
    labels: { alertname: 'HighErrorRate' },
    why: firing === 0 ? 'all alerts resolved' : 'new alerts added',
    alerts,
    firing,
    resolved: alerts.length - firing,
    ...group,
  };
  const [own = PAYLOAD] = alerts;
  const reason = own.reason ?? own.status;
  return createMessage({ reason, thread: INCIDENT, ...message }, { ...own, together });
}
