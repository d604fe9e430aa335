// Alerts whose texts come from whoever wrote them into an event: markup, line breaks, halves of characters, a megabyte, by fast-check.
import fc from 'fast-check';
import type { MessageReason, NotificationPayload } from '../../src/alerts/notification.ts';
import type { OutboxMessage } from '../../src/alerts/receivers/notifier.ts';
import { createGroupMessage, createMessage, PAYLOAD } from './receivers.ts';

/** Each would do harm where it is taken for markup, a header, or the end of a text. */
export const HOSTILE_TEXTS: readonly string[] = [
  '<!channel> <!here> <!everyone> <@U123> <#C1|x> <https://evil.example|click>',
  '<script>alert(1)</script><img src=x onerror=alert(1)>"\'&amp;&lt;',
  'a\r\nBcc: victim@evil.example\r\n\r\n<html>',
  '*bold* _it_ ~s~ `code` ```block``` | > quote',
  'nul \0 bell \u0007 escape \u001b[31m',
  'lone \ud800 and \udc00 halves 😀',
  '\u202Eesrever \u2028 line \u2029 paragraph',
  '=?utf-8?q?x?= "quoted" <a@b.example>, c@d.example',
  '$' + '{jndi:ldap://x} {{ template }} %0d%0a',
  'x'.repeat(1_000_000),
  '😀'.repeat(300_000),
  '&'.repeat(100_000),
  '<'.repeat(3000),
  '',
];

const text = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 100 }).map((units) => String.fromCharCode(...units)),
);
const cell = fc.oneof(text, fc.double(), fc.constant(null), fc.integer());
const name = fc.oneof(
  fc.constantFrom('service', 'severity', 'alertname', 'a.b', 'a-b', '__proto__', 'toString', 'constructor', '0'),
  text,
);

/** A message with such texts wherever texts of others stand. */
export const hostileMessage: fc.Arbitrary<OutboxMessage> = fc
  .record({
    labels: fc.dictionary(name, text, { maxKeys: 30 }),
    summary: text,
    description: text,
    link: fc.oneof(text, fc.webUrl(), fc.constantFrom('javascript:alert(1)', 'https://x.example/|y>z', 'docs/runbooks/X.md')),
    rows: fc.array(fc.dictionary(name, cell, { maxKeys: 5 }), { maxLength: 20 }),
    condition: text,
    reason: fc.constantFrom('firing', 'resolved', 'nodata', 'error'),
    maybe_sent: fc.boolean(),
  })
  .map(({ labels, summary, description, link, rows, condition, reason, maybe_sent }) => {
    const payload: Partial<NotificationPayload> = {
      labels: { alertname: 'Hostile', ...labels },
      annotations: { ...PAYLOAD.annotations, summary, description, runbook_url: link },
      context: rows,
      row: rows[0] ?? {},
      fireWhen: condition,
      group: summary,
    };
    return createMessage({ reason, maybe_sent }, payload);
  });

const OVER: MessageReason = 'all alerts resolved';

/** Up to 100 of them in one message, of which there may be more; some share everything but a label. */
export const hostileGroup: fc.Arbitrary<OutboxMessage> = fc
  .record({
    messages: fc.array(hostileMessage, { minLength: 1, maxLength: 4 }),
    count: fc.constantFrom(2, 3, 20, 100),
    firing: fc.nat(100),
    more: fc.constantFrom(0, 0, 5000),
    key: text,
    labels: fc.dictionary(name, text, { maxKeys: 5 }),
    why: fc.constantFrom<MessageReason>(
      'first notification',
      'new alerts added',
      'some alerts resolved',
      'repeat interval elapsed',
    ),
  })
  .map(({ messages, count, firing, more, key, labels, why }) => {
    const firingShown = Math.min(firing, count);
    const alerts = Array.from({ length: count }, (_, index): NotificationPayload => {
      const payload = messages[index % messages.length]?.payload ?? PAYLOAD;
      const isFiring = index < firingShown;
      const reason = payload.reason === 'resolved' || payload.reason === undefined ? 'firing' : payload.reason;
      return {
        ...payload,
        status: isFiring ? 'firing' : 'resolved',
        reason: isFiring ? reason : 'resolved',
        endsAt: isFiring ? null : '2026-01-01T00:10:00.000Z',
        labels: { ...payload.labels, number: String(index) },
        incidentId: `00000000-0000-8000-8000-${String(index).padStart(12, '0')}`,
      };
    });
    const counts = { firing: firingShown + (firingShown > 0 ? more : 0), resolved: count - firingShown };
    const group = { key, labels, ...counts, why: firingShown === 0 ? OVER : why };
    return createGroupMessage(alerts, { maybe_sent: messages[0]?.maybe_sent ?? false }, group);
  });
