// A local receiver of webhook notifications (the Alertmanager v4 payload) that shows each alert as one readable line.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen, type RunningServer } from '../src/server/listen.ts';
import { readBody } from './read-body.ts';

/** One alert of a notification, as the Alertmanager v4 webhook carries it. */
export interface NotifiedAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

/** The body of the webhook, as far as the receiver reads it. */
export interface Notification {
  readonly version: string;
  readonly receiver: string;
  readonly status: 'firing' | 'resolved';
  readonly alerts: readonly NotifiedAlert[];
}

export interface WebhookReceiverOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Shows a line; default: shows nothing. */
  readonly print?: (line: string) => void;
  readonly onNotification?: (notification: Notification) => void;
  /** Default: the wall clock. */
  readonly now?: () => Date;
}

export interface WebhookReceiver extends RunningServer {
  /** What the receiver's configuration has to name: `http://127.0.0.1:<port>/alerts`. */
  readonly webhookUrl: string;
  /** Everything received, oldest first, at most the last 1000. */
  readonly notifications: readonly Notification[];
}

const MAX_BODY_BYTES = 1_000_000;
const MAX_KEPT = 1000;

/** Starts to listen on 127.0.0.1. Answers 200 to a notification, 400 to anything that is none. @throws KeepwatchError ERR_PORT_IN_USE */
export async function startWebhookReceiver(options: WebhookReceiverOptions = {}): Promise<WebhookReceiver> {
  const { print = () => {}, now = () => new Date() } = options;
  const notifications: Notification[] = [];

  const receive = async (request: IncomingMessage): Promise<number> => {
    if (request.method !== 'POST' || request.url !== '/alerts') return 404;
    const notification = parseNotification(await readBody(request, MAX_BODY_BYTES));
    if (notification === undefined) return 400;
    notifications.push(notification);
    if (notifications.length > MAX_KEPT) notifications.shift();
    for (const alert of notification.alerts) print(describeAlert(alert, now()));
    options.onNotification?.(notification);
    return 200;
  };
  const respond = (response: ServerResponse, status: number): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  };
  const server = createServer((request, response) => {
    receive(request).then(
      (status) => respond(response, status),
      () => respond(response, 400),
    );
  });
  const running = await listen(server, '127.0.0.1', options.port ?? 0);
  return { ...running, webhookUrl: `${running.url}/alerts`, notifications };
}

/** The payload, or undefined when the text is none. */
function parseNotification(text: string): Notification | undefined {
  try {
    const given = JSON.parse(text) as Partial<Notification> | null;
    const isValid =
      Array.isArray(given?.alerts) &&
      given.alerts.every(
        (alert) => (alert?.status === 'firing' || alert?.status === 'resolved') && typeof (alert.labels ?? 0) === 'object',
      );
    return isValid ? (given as Notification) : undefined;
  } catch {
    return undefined;
  }
}

/** `14:03:05 FIRING HighErrorRate {name="POST /chat"} 45 % of 120 requests failed` */
export function describeAlert(alert: NotifiedAlert, at: Date): string {
  const { alertname = 'unnamed', ...labels } = alert.labels;
  const shown = Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(', ');
  const time = at.toTimeString().slice(0, 8);
  const summary = alert.annotations?.['summary'] ?? '';
  return printable(`${time} ${alert.status.toUpperCase()} ${alertname} {${shown}} ${summary}`.trimEnd());
}

/** Without control characters: a label must not be able to drive the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
