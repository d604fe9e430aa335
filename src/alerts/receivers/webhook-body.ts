// A message as an Alertmanager webhook, version 4, so that receivers made for Alertmanager understand it. Format:
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. What is ours stands beside it under `keepwatch`: of the first alert,
// where it stands in messages of one alert, and of each alert in it.
import { createHash } from 'node:crypto';
import type { StoredRow } from '../instance-row.ts';
import type { NotificationPayload } from '../notification.ts';
import { whyLink } from './links.ts';
import type { NotifierContext, OutboxMessage } from './notifier.ts';
import { cut, toJson } from './readable.ts';
import { alertsOf, commonOf, isOver } from './told-alerts.ts';

/** What Alertmanager writes for "has not ended". */
const NO_TIME = '0001-01-01T00:00:00Z';
const MAX_NAME = 200;
/** A key that is longer ends with its hash. */
const MAX_KEY = 4096;
/** Of a message of one alert alone, and of one of a group. */
const MAX_BODY_BYTES = 256 * 1024;
const MAX_GROUP_BYTES = 512_000;

/** How much is said of each alert. */
interface Detail {
  readonly maxExamples: number;
  readonly hasRow: boolean;
  /** Of label values and annotations. */
  readonly maxValue: number;
  readonly maxLabels: number;
}

/** What is too long loses example rows first, then numbers, then the ends of long values, then labels; at last the alerts at the end. */
const DETAILS: readonly Detail[] = [
  ...[16_384, 1024, 128].flatMap((maxValue) => [
    ...[20, 10, 5, 2, 1, 0].map((maxExamples) => ({ maxExamples, hasRow: true, maxValue, maxLabels: 100 })),
    { maxExamples: 0, hasRow: false, maxValue, maxLabels: 100 },
  ]),
  { maxExamples: 0, hasRow: false, maxValue: 128, maxLabels: 20 },
];

type Receiver = Pick<NotifierContext, 'name' | 'externalUrl'>;

/** The body of the webhook, as JSON. An alert of no group is one by itself, as with `group_by: ['...']`. */
export function webhookBody(message: OutboxMessage, receiver: Receiver): string {
  const alerts = alertsOf(message);
  const maxBytes = message.payload.together === undefined ? MAX_BODY_BYTES : MAX_GROUP_BYTES;
  let body = '';
  for (const detail of DETAILS) {
    const shown = alertsWithin(message, receiver, detail, maxBytes);
    body = toJson({ ...headOf(message, receiver, detail, shown.length), alerts: shown });
    if (shown.length === alerts.length && Buffer.byteLength(body) <= maxBytes) return body;
  }
  return body;
}

/** As many of the first ones as there is room for, and one at least. */
function alertsWithin(message: OutboxMessage, receiver: Receiver, detail: Detail, maxBytes: number): object[] {
  let bytes = Buffer.byteLength(toJson(headOf(message, receiver, detail, 0))) + ALERTS_BYTES;
  const shown: object[] = [];
  for (const alert of alertsOf(message)) {
    const { together } = message.payload;
    if (bytes + leastBytesOf(alert, detail) > maxBytes) break;
    const body = {
      ...alertBody(alert, receiver, detail),
      ...(together === undefined ? {} : { keepwatch: oursOf(alert, detail) }),
    };
    bytes += Buffer.byteLength(toJson(body)) + 1;
    if (bytes > maxBytes && shown.length > 0) break;
    shown.push(body);
  }
  return shown;
}

/** Of the name of the member. */
const ALERTS_BYTES = 20;

/** Of its rows in any case: what is far too much is not written only to be measured. */
function leastBytesOf({ row, context = [] }: NotificationPayload, { maxExamples, hasRow }: Detail): number {
  const rows = [...(hasRow ? [row] : []), ...context.slice(0, maxExamples)];
  const cells = rows.flatMap((one) => Object.entries(one));
  return cells.reduce((sum, [name, cell]) => sum + name.length + (typeof cell === 'string' ? cell.length : 1), 0);
}

/** All but the alerts. */
function headOf(message: OutboxMessage, { name, externalUrl }: Receiver, detail: Detail, shown: number): object {
  const { together } = message.payload;
  const alerts = alertsOf(message);
  const [first = message.payload] = alerts;
  const total = together === undefined ? 1 : together.firing + together.resolved;
  const labels = bounded(commonOf(alerts.map((alert) => alert.labels)), detail);
  const groupLabels = together === undefined ? labels : bounded(together.labels, detail);
  return {
    version: '4',
    groupKey: together === undefined ? `{}:{${formatLabels(labels)}}` : keyWithin(together.key),
    truncatedAlerts: Math.max(0, total - shown),
    status: isOver(message) ? 'resolved' : 'firing',
    receiver: name,
    ...(together === undefined ? {} : { notification_reason: together.why }),
    groupLabels,
    commonLabels: labels,
    commonAnnotations: bounded(commonOf(alerts.map((alert) => alert.annotations)), detail),
    externalURL: externalUrl ?? '',
    keepwatch: {
      ...oursOf(first, detail),
      thread: message.thread,
      ...(together === undefined ? {} : { firing: together.firing, resolved: together.resolved }),
      attempt: message.attempts,
      possible_duplicate: message.maybe_sent,
    },
  };
}

function alertBody(alert: NotificationPayload, { externalUrl }: Receiver, detail: Detail): object {
  const { status, startsAt, endsAt, fingerprint } = alert;
  return {
    status,
    labels: bounded(alert.labels, detail),
    annotations: bounded(alert.annotations, detail),
    startsAt,
    endsAt: endsAt ?? NO_TIME,
    generatorURL: whyLink(alert, externalUrl) ?? '',
    fingerprint: fingerprint.slice(0, 16),
  };
}

/** With as many example rows as there is room for, and how many of them and of the labels were left out. */
function oursOf(alert: NotificationPayload, { maxExamples, hasRow, maxValue, maxLabels }: Detail): object {
  const context: readonly StoredRow[] | undefined = alert.context?.slice(0, maxExamples);
  const leftOut = (alert.context?.length ?? 0) - (context?.length ?? 0);
  const labelsLeftOut = Object.keys(alert.labels).length - maxLabels;
  return {
    reason: alert.reason ?? alert.status,
    incident_id: alert.incidentId,
    group: cut(alert.group, maxValue),
    slot: alert.slot,
    active_at: alert.activeAt,
    value: alert.value,
    row: hasRow ? alert.row : {},
    ...(context === undefined ? {} : { context }),
    ...(leftOut === 0 ? {} : { context_left_out: leftOut }),
    ...(labelsLeftOut > 0 ? { labels_left_out: labelsLeftOut } : {}),
    fire_when: cut(alert.fireWhen, maxValue),
    for_ms: alert.forMs,
    partial: alert.partial,
  };
}

function bounded(texts: Readonly<Record<string, string>>, { maxValue, maxLabels }: Detail): Record<string, string> {
  const entries = Object.entries(texts).slice(0, maxLabels);
  return Object.fromEntries(entries.map(([name, text]) => [cut(name, MAX_NAME), cut(text, maxValue)]));
}

/** Receivers tell groups apart by it: two that differ stay different. */
function keyWithin(key: string): string {
  if (key.length <= MAX_KEY) return key;
  const hash = createHash('sha256').update(key).digest('hex');
  return `${cut(key, MAX_KEY - hash.length)}${hash}`;
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${toJson(labels[name])}`)
    .join(', ');
}
