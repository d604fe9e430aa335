// Sends a message as an Alertmanager webhook, version 4, so that receivers made for Alertmanager understand it. Format:
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. What is ours stands beside it under `keepwatch`.
import { KeepwatchError } from '../errors.ts';
import type { NotificationPayload, NotificationReason } from './notification.ts';

/** A message that is due. */
export interface OutboxMessage {
  /** The same in every attempt. */
  readonly id: string;
  /** This attempt, from 1. */
  readonly attempts: number;
  readonly rule: string;
  readonly reason: NotificationReason;
  readonly payload: NotificationPayload;
}

export interface WebhookOptions {
  /** Default: the global one. */
  readonly fetch?: typeof fetch | undefined;
  /** Where people reach Keepwatch; shown in messages. */
  readonly externalUrl?: string | undefined;
}

const TIMEOUT_MS = 10_000;
/** What Alertmanager writes for "has not ended". */
const NO_TIME = '0001-01-01T00:00:00Z';

/** Posts a message. Redirects are not followed. @throws Error when the answer is not 2xx, or does not come within 10 s */
export async function postWebhook(
  receiver: { name: string; url: string },
  message: OutboxMessage,
  options: WebhookOptions,
): Promise<void> {
  const url = new URL(receiver.url);
  const response = await (options.fetch ?? fetch)(withoutCredentials(url), {
    method: 'POST',
    redirect: 'manual',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'keepwatch',
      'webhook-id': message.id,
      ...authorization(url),
    },
    body: JSON.stringify(webhookBody(receiver.name, message, options.externalUrl ?? '')),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  await response.body?.cancel();
  if (response.ok) return;
  const hint = response.status >= 300 && response.status < 400 ? ' (redirects are not followed)' : '';
  throw new Error(`the receiver answered ${response.status}${hint}`);
}

/** The body of the webhook. Every series is a group of its own, as with `group_by: ['...']`. */
export function webhookBody(receiver: string, { attempts, payload }: OutboxMessage, externalUrl: string): object {
  const { status, labels, annotations, startsAt, endsAt, fingerprint } = payload;
  return {
    version: '4',
    groupKey: `{}:{${formatLabels(labels)}}`,
    truncatedAlerts: 0,
    status,
    receiver,
    groupLabels: labels,
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: externalUrl,
    alerts: [
      {
        status,
        labels,
        annotations,
        startsAt,
        endsAt: endsAt ?? NO_TIME,
        generatorURL: externalUrl === '' ? '' : `${externalUrl.replace(/\/$/, '')}/api/v1/rules`,
        fingerprint: fingerprint.slice(0, 16),
      },
    ],
    keepwatch: {
      reason: payload.reason ?? status,
      incident_id: payload.incidentId,
      group: payload.group,
      slot: payload.slot,
      active_at: payload.activeAt,
      value: payload.value,
      row: payload.row,
      ...(payload.context === undefined ? {} : { context: payload.context }),
      fire_when: payload.fireWhen,
      for_ms: payload.forMs,
      partial: payload.partial,
      attempt: attempts,
    },
  };
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${JSON.stringify(labels[name])}`)
    .join(', ');
}

/** fetch refuses a URL with user and password: they go into a header. */
function withoutCredentials(url: URL): string {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href;
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
  } catch (cause) {
    throw new KeepwatchError('ERR_CONFIG_INVALID', 'user and password of the webhook are not percent-encoded', { cause });
  }
}
