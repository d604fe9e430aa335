// All receivers of a configuration, by name: what sends to them, and what may be shown of them.
import { describeError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Receiver, ReceiverKind } from '../../receiver-config.ts';
import { createRedactor, Secret } from '../../secret.ts';
import { createAlertmanagerNotifier } from './alertmanager.ts';
import { createConsoleNotifier } from './console.ts';
import { createEmailNotifier } from './email.ts';
import type { Delivery, Notifier, NotifierContext, OutboxMessage } from './notifier.ts';
import { createPagerDutyNotifier } from './pagerduty.ts';
import { cut } from './readable.ts';
import { createSlackNotifier } from './slack.ts';
import { createTestMessage, resolveTestMessage } from './test-message.ts';
import { createWebhookNotifier } from './webhook.ts';

/** What may be shown of a receiver. */
export interface ReceiverEntry {
  readonly name: string;
  readonly kind: ReceiverKind;
  /** Where messages go, without what is secret of it. */
  readonly address: string;
  /** Whether it hears of ends. */
  readonly sendResolved: boolean;
}

/** What became of a test message. */
export interface TestDelivery {
  /** `resolved` follows where `firing` would stay open. */
  readonly reason: 'firing' | 'resolved';
  readonly outcome: Delivery['outcome'];
  /** What the receiver said, without secrets. */
  readonly answer: string;
}

export interface Receivers {
  readonly names: readonly string[];
  list(): readonly ReceiverEntry[];
  /** Never rejects, and shows no secret. */
  send(name: string, message: OutboxMessage): Promise<Delivery>;
  /** Sends a message that says that it is a test. Undefined: there is no such receiver. */
  test(name: string): Promise<readonly TestDelivery[] | undefined>;
}

export interface ReceiversOptions {
  readonly externalUrl?: string | undefined;
  readonly logger: Logger;
  /** Default Date.now. */
  readonly now?: () => number;
}

const MAX_ANSWER = 500;
/** Where a test would leave something open that somebody has to close. */
const STAYS_OPEN: ReadonlySet<ReceiverKind> = new Set(['pagerduty', 'alertmanager']);

export function createReceivers(receivers: readonly Receiver[], options: ReceiversOptions): Receivers {
  const { now = Date.now } = options;
  const known = new Map(
    receivers.map((receiver) => [
      receiver.name,
      { receiver, notifier: createNotifier(receiver, options), redact: createRedactor(secretsOf(receiver)) },
    ]),
  );
  const send = async (name: string, message: OutboxMessage): Promise<Delivery> => {
    const receiver = known.get(name);
    if (receiver === undefined) return { outcome: 'retry', answer: 'there is no receiver of this name' };
    const delivery = await receiver.notifier
      .send(message)
      .catch((error: unknown): Delivery => ({ outcome: 'unknown', answer: describeError(error) }));
    return { ...delivery, answer: cut(receiver.redact(delivery.answer), MAX_ANSWER) };
  };
  return {
    names: [...known.keys()],
    list: () =>
      [...known.values()].map(({ receiver: { sendResolved }, notifier: { name, kind, address } }) => ({
        ...{ name, kind, address, sendResolved },
      })),
    send,
    async test(name) {
      const kind = known.get(name)?.notifier.kind;
      if (kind === undefined) return undefined;
      const message = createTestMessage(name, now());
      const first = await send(name, message);
      const deliveries: TestDelivery[] = [{ reason: 'firing', outcome: first.outcome, answer: first.answer }];
      if (!STAYS_OPEN.has(kind) || first.outcome === 'retry' || first.outcome === 'refused') return deliveries;
      const reference = first.outcome === 'delivered' ? (first.reference ?? null) : null;
      const { outcome, answer } = await send(name, { ...resolveTestMessage(message, now()), reference });
      return [...deliveries, { reason: 'resolved', outcome, answer }];
    },
  };
}

function createNotifier(receiver: Receiver, { externalUrl, logger, now = Date.now }: ReceiversOptions): Notifier {
  const context: NotifierContext = { name: receiver.name, externalUrl, now };
  if (receiver.webhook !== undefined) return createWebhookNotifier(receiver.webhook, context);
  if (receiver.slack !== undefined) return createSlackNotifier(receiver.slack, context);
  if (receiver.email !== undefined) return createEmailNotifier(receiver.email, context);
  if (receiver.pagerduty !== undefined) return createPagerDutyNotifier(receiver.pagerduty, context);
  if (receiver.alertmanager !== undefined) return createAlertmanagerNotifier(receiver.alertmanager, context);
  return createConsoleNotifier(context, logger);
}

/** All that stand anywhere in the settings. */
function secretsOf(value: unknown): Secret[] {
  if (value instanceof Secret) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(secretsOf) : [];
}
