// Hands alerts to an Alertmanager, which routes and groups them by itself: POST /api/v2/alerts, in as many requests as their size asks for. To hand
// an alert over twice changes nothing there.
import type { ReceiverSettings } from '../../receiver-config.ts';
import { postedAlerts, referenceTo } from './alertmanager-alerts.ts';
import { deliveryOf, httpPost } from './http-post.ts';
import type { Delivery, Notifier, NotifierContext } from './notifier.ts';
import { toJson } from './readable.ts';

/** Of a request; an alert that is larger goes alone. */
const MAX_BODY_BYTES = 1_000_000;
/** For all requests together: the lease of the message is longer. */
const TIMEOUT_MS = 20_000;

export function createAlertmanagerNotifier(settings: ReceiverSettings<'alertmanager'>, context: NotifierContext): Notifier {
  const base = settings.url.reveal();
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v2/alerts`;
  const headers: Record<string, string> =
    settings.token === undefined ? {} : { authorization: `Bearer ${settings.token.reveal()}` };
  const { allowPrivate } = settings;
  return {
    name: context.name,
    kind: 'alertmanager',
    address: url.origin,
    async send(message) {
      const endsAt = performance.now() + TIMEOUT_MS;
      let delivery: Delivery = { outcome: 'retry', answer: 'no alerts' };
      for (const body of bodiesOf(postedAlerts(message, context))) {
        const leftMs = Math.ceil(endsAt - performance.now());
        if (leftMs <= 0) return { outcome: 'retry', answer: `not done within ${TIMEOUT_MS / 1000} s` };
        const timeoutMs = Math.min(leftMs, TIMEOUT_MS / 2);
        delivery = deliveryOf(await httpPost({ url: url.href, body, headers, allowPrivate, now: context.now, timeoutMs }));
        if (delivery.outcome !== 'delivered') return delivery;
      }
      return delivery.outcome === 'delivered' ? { ...delivery, reference: referenceTo(message) } : delivery;
    },
  };
}

/** JSON lists of alerts, in their order. */
function bodiesOf(alerts: readonly object[]): string[] {
  const bodies: string[] = [];
  let open: string[] = [];
  let bytes = 0;
  for (const alert of alerts) {
    const text = toJson(alert);
    const size = Buffer.byteLength(text) + 1;
    if (open.length > 0 && bytes + size > MAX_BODY_BYTES) {
      bodies.push(`[${open.join(',')}]`);
      [open, bytes] = [[], 0];
    }
    open.push(text);
    bytes += size;
  }
  return [...bodies, `[${open.join(',')}]`];
}
