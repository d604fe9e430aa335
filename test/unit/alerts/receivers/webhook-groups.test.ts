// Webhooks that tell of several alerts, as Alertmanager's do.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { webhookBody } from '../../../../src/alerts/receivers/webhook-body.ts';
import { hostileGroup } from '../../../support/hostile-alert.ts';
import { createAlert, createGroupMessage, INCIDENT, PAYLOAD, webhookReceivers } from '../../../support/receivers.ts';
import { startTestWebhookReceiver, type TestWebhookReceiver } from '../../../support/webhook-receiver.ts';

const NO_TIME = '0001-01-01T00:00:00Z';
const MAX_BYTES = 512_000;

interface Alert {
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly endsAt: string;
  readonly keepwatch: Readonly<Record<string, unknown>> & { readonly context?: readonly unknown[] };
}
interface Body extends Readonly<Record<string, unknown>> {
  readonly truncatedAlerts: number;
  readonly alerts: readonly Alert[];
  readonly keepwatch: Readonly<Record<string, unknown>>;
}

const bodyOf = (message: Parameters<typeof webhookBody>[0]) =>
  JSON.parse(webhookBody(message, { name: 'hook', externalUrl: 'https://keepwatch.example' })) as Body;

describe('the receiver webhook, of several alerts', () => {
  let receiver: TestWebhookReceiver;
  beforeEach(async () => {
    receiver = await startTestWebhookReceiver();
  });
  afterEach(() => receiver.close());

  it('posts what Alertmanager would post, with what is ours beside each alert and beside all', async () => {
    const alerts = [createAlert('shop'), createAlert('bank'), createAlert('post', { status: 'resolved' })];
    const receivers = webhookReceivers('hook', receiver.url, { externalUrl: 'https://keepwatch.example' });
    assert.equal((await receivers.send('hook', createGroupMessage(alerts))).outcome, 'delivered');
    const [request] = receiver.received;
    assert.ok(request !== undefined);
    const { alerts: sent, keepwatch, ...body } = request.body as unknown as Body;
    assert.deepEqual(body, {
      version: '4',
      groupKey: '{}:{alertname="HighErrorRate"}',
      truncatedAlerts: 0,
      status: 'firing',
      receiver: 'hook',
      notification_reason: 'new alerts added',
      groupLabels: { alertname: 'HighErrorRate' },
      commonLabels: { alertname: 'HighErrorRate', severity: 'warning' },
      commonAnnotations: { runbook_url: PAYLOAD.annotations['runbook_url'] },
      externalURL: 'https://keepwatch.example',
    });
    assert.deepEqual(
      sent.map(({ status, labels, endsAt }) => [status, labels['service'], endsAt]),
      [
        ['firing', 'shop', NO_TIME],
        ['firing', 'bank', NO_TIME],
        ['resolved', 'post', '2026-01-01T00:10:00.000Z'],
      ],
    );
    assert.deepEqual(
      sent.map((alert) => [alert.keepwatch['reason'], alert.keepwatch['incident_id'], alert.keepwatch.context]),
      alerts.map(({ reason, incidentId, context }) => [reason, incidentId, context]),
    );
    const { reason, incident_id, thread, firing, resolved, row } = keepwatch;
    assert.deepEqual([reason, incident_id, thread, firing, resolved], ['firing', alerts[0]?.incidentId, INCIDENT, 2, 1]);
    assert.deepEqual(row, PAYLOAD.row);
  });

  it('is resolved when nothing of the group fires any more', () => {
    const body = bodyOf(createGroupMessage([createAlert('a', { status: 'resolved' }), createAlert('b', { status: 'resolved' })]));
    assert.deepEqual([body['status'], body['notification_reason']], ['resolved', 'all alerts resolved']);
  });

  it('leaves example rows, numbers and the ends of values out before alerts, and the last alerts before others', () => {
    const rows = Array.from({ length: 20 }, () => ({ text: 'x'.repeat(2000) }));
    const many = (count: number, more: object) =>
      createGroupMessage(
        Array.from({ length: count }, (_, index) =>
          createAlert(`s${index}`, { ...more, status: index < count - 10 ? 'firing' : 'resolved' }),
        ),
      );
    const examples = bodyOf(many(100, { context: rows }));
    assert.deepEqual([examples.alerts.length, examples.truncatedAlerts], [100, 0]);
    assert.deepEqual(
      examples.alerts.map(({ keepwatch }) => [keepwatch.context?.length, keepwatch['context_left_out']]),
      examples.alerts.map(() => [2, 18]),
    );
    const numbers = bodyOf(many(100, { row: { text: 'x'.repeat(6000) } }));
    assert.deepEqual([numbers.alerts.length, numbers.alerts[0]?.keepwatch['row']], [100, {}]);
    const values = bodyOf(many(100, { labels: { long: 'x'.repeat(16_000) } }));
    assert.deepEqual([values.alerts.length, values.alerts[99]?.labels['long']?.length], [100, 1024]);
    const names = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${index}`.padEnd(200, 'x'), 'x'.repeat(200)]));
    const fewer = bodyOf(many(100, { labels: names, annotations: names }));
    assert.equal(fewer.alerts.length + fewer.truncatedAlerts, 100);
    assert.ok(fewer.alerts.length >= 30 && fewer.alerts.every(({ status }) => status === 'firing'), `${fewer.alerts.length}`);
    assert.equal(fewer.alerts[0]?.keepwatch['labels_left_out'], 80);
  });

  it('counts the alerts that the message does not carry', () => {
    assert.equal(bodyOf(createGroupMessage([createAlert('a'), createAlert('b')], {}, { firing: 5000 })).truncatedAlerts, 4998);
  });

  it('keeps apart groups whose keys are too long', () => {
    const keyOf = (key: string) => bodyOf(createGroupMessage([createAlert('a')], {}, { key }))['groupKey'] as string;
    const [one, other] = [keyOf(`${'x'.repeat(10_000)}1`), keyOf(`${'x'.repeat(10_000)}2`)];
    assert.notEqual(one, other);
    assert.deepEqual([one.length, other.length], [4096, 4096]);
  });

  it('stays within its bounds, and leaves no alert uncounted, whatever texts are given', async () => {
    const receivers = webhookReceivers('hook', receiver.url);
    await fc.assert(
      fc.asyncProperty(hostileGroup, async (message) => {
        const text = webhookBody(message, { name: 'hook', externalUrl: undefined });
        assert.ok(Buffer.byteLength(text) <= MAX_BYTES, `${Buffer.byteLength(text)} bytes`);
        assert.doesNotMatch(text, /\\ud[89a-f]/);
        const { together } = message.payload;
        const body = JSON.parse(text) as Body;
        assert.equal(body.alerts.length + body.truncatedAlerts, (together?.firing ?? 0) + (together?.resolved ?? 0));
        assert.ok(body.alerts.length > 0);
        assert.equal((await receivers.send('hook', message)).outcome, 'delivered');
      }),
      { numRuns: 15 },
    );
  });
});
