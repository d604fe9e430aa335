// What receivers take: how fast they may be sent messages, when a storm is told as a digest, and who hears that one of them takes none.
import type { ReceiverKind } from '../../receiver-config.ts';
import type { DeliveryPace } from '../outbox.ts';

type Named = readonly { readonly name: string; readonly kind: ReceiverKind }[];

/**
 * Slack takes a message a second in a channel, PagerDuty 120 events a minute for a key, and mail servers differ.
 * https://api.slack.com/docs/rate-limits, https://developer.pagerduty.com/docs/events-api-v2-overview#rate-limits
 */
const PACES: Readonly<Partial<Record<ReceiverKind, DeliveryPace>>> = {
  slack: { perSecond: 1, burst: 1 },
  pagerduty: { perSecond: 2, burst: 10 },
  email: { perSecond: 1, burst: 10 },
};
/** Those that drop a message of which they have seen the id, or the key, or which people do not see twice. */
const DEDUPING: ReadonlySet<ReceiverKind> = new Set(['webhook', 'pagerduty', 'email', 'alertmanager']);
const AT_ONCE = 4;
/** Messages of a minute; machines read all. */
const DIGEST_OVER: Readonly<Partial<Record<ReceiverKind, number>>> = { slack: 30, email: 30, pagerduty: 60, console: 60 };

export function paceOf(receivers: Named): (receiver: string) => DeliveryPace | undefined {
  const kinds = kindsOf(receivers);
  return (receiver) => PACES[kinds.get(receiver) ?? 'webhook'];
}

export function atOnceOf(receivers: Named): (receiver: string) => number {
  const kinds = kindsOf(receivers);
  return (receiver) => (DEDUPING.has(kinds.get(receiver) ?? 'webhook') ? AT_ONCE : 1);
}

export function digestOverOf(receivers: Named): (receiver: string) => number | undefined {
  const kinds = kindsOf(receivers);
  return (receiver) => DIGEST_OVER[kinds.get(receiver) ?? 'webhook'];
}

/** The first of the others, one of another kind before one of the same. */
export function failuresToOf(receivers: Named): (receiver: string) => string | undefined {
  return (receiver) => {
    const kind = receivers.find(({ name }) => name === receiver)?.kind;
    const others = receivers.filter(({ name }) => name !== receiver);
    return (others.find((other) => other.kind !== kind) ?? others[0])?.name;
  };
}

function kindsOf(receivers: Named): ReadonlyMap<string, ReceiverKind> {
  return new Map(receivers.map(({ name, kind }) => [name, kind]));
}
