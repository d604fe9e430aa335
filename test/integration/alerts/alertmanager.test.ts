// A real Alertmanager receives alerts of ours, shows them, tells of them, and of their end.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { NotificationPayload } from '../../../src/alerts/notification.ts';
import type { Delivery, MessageReference } from '../../../src/alerts/receivers/notifier.ts';
import type { Receivers } from '../../../src/alerts/receivers/receivers.ts';
import { type Alertmanager, startAlertmanager } from '../../support/alertmanager.ts';
import { hostileGroup, hostileMessage } from '../../support/hostile-alert.ts';
import { createAlert, createGroupMessage, createMessage, INCIDENT, openReceivers, PAYLOAD } from '../../support/receivers.ts';
import { needTool } from '../../support/tools.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestWebhookReceiver, type TestWebhookReceiver } from '../../support/webhook-receiver.ts';

interface ShownAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly generatorURL: string;
  readonly startsAt: string;
  readonly endsAt: string;
}

describe('the receiver alertmanager, with a real one', function () {
  this.timeout(60_000);
  let alertmanager: Alertmanager;
  let hook: TestWebhookReceiver;
  let receivers: Receivers;
  /** As if a message had been sent that long ago. */
  let agoMs = 0;
  before(async function () {
    const binary = needTool(this, 'prometheus-alertmanager');
    hook = await startTestWebhookReceiver();
    alertmanager = await startAlertmanager(binary, hook.url);
    const settings = { url: `http://${alertmanager.address}/`, allowPrivate: true, allowPlaintext: true };
    receivers = openReceivers([{ name: 'am', alertmanager: settings }], {
      externalUrl: 'https://keepwatch.example',
      now: () => Date.now() - agoMs,
    });
  });
  after(async () => {
    await alertmanager?.stop();
    await hook?.close();
  });

  const shown = async () => (await (await fetch(`http://${alertmanager.address}/api/v2/alerts`)).json()) as ShownAlert[];
  const told = (status: string, service: string) =>
    waitFor(
      () =>
        hook.received.find(({ body }) => body.alerts.some((one) => one.status === status && one.labels['service'] === service)),
      {
        timeoutMs: 20_000,
        what: `${status} of ${service}`,
      },
    );
  const startsAt = new Date(Date.now() - 60_000).toISOString();
  const send = async (
    service: string,
    message: Parameters<typeof createMessage>[0] = {},
    labels = {},
  ): Promise<MessageReference | null> => {
    const endsAt = message?.reason === 'resolved' ? new Date().toISOString() : null;
    const payload = { startsAt, endsAt, labels: { ...PAYLOAD.labels, service, ...labels } };
    return referenceOf(await receivers.send('am', createMessage(message, payload)));
  };

  it('shows an alert with its link and its example rows, and tells of its end', async () => {
    const reference = await send('shop', {}, { 'http.route': '/pay', empty: '' });
    await told('firing', 'shop');
    const [alert] = await shown();
    assert.deepEqual(alert?.labels, { alertname: 'HighErrorRate', http_route: '/pay', service: 'shop', severity: 'warning' });
    assert.match(alert.generatorURL, /^https:\/\/keepwatch\.example\/api\/v1\/alerts\/history\?incident=/);
    assert.match(alert.annotations['examples'] ?? '', /trace_id=4bf92f3577b34da6a3ce929d0e0e4736/);
    assert.deepEqual([alert.annotations['incident_id'], alert.annotations['summary']], [INCIDENT, 'shop: 50% failed']);
    assert.equal(Date.parse(alert.startsAt), Date.parse(startsAt));
    await send('shop', { reason: 'resolved', reference }, { 'http.route': '/pay', empty: '' });
    await told('resolved', 'shop');
    assert.deepEqual(await shown(), []);
  });

  it('ends the alert of a severity that has risen', async () => {
    const reference = await send('bank');
    await told('firing', 'bank');
    const risen = await send('bank', { reference }, { severity: 'critical' });
    assert.deepEqual(
      (await shown()).map(({ labels }) => labels['severity']),
      ['critical'],
    );
    await send('bank', { reason: 'resolved', reference: risen }, { severity: 'critical' });
    assert.deepEqual(await shown(), []);
  });

  const alert = (service: string, more: Partial<NotificationPayload> = {}): NotificationPayload =>
    createAlert(service, { startsAt, ...more, endsAt: more.status === 'resolved' ? new Date().toISOString() : null });
  const sendGroup = async (alerts: readonly NotificationPayload[], reference: MessageReference | null = null) =>
    referenceOf(await receivers.send('am', createGroupMessage(alerts, { reference })));
  const services = async () => (await shown()).map(({ labels }) => `${labels['service']} ${labels['severity']}`).sort();
  const critical = (service: string) => ({ labels: { ...PAYLOAD.labels, service, severity: 'critical' } });

  it('hands over every alert of a message, to end after four minutes unless it is told again', async () => {
    const reference = await sendGroup([alert('one'), alert('two'), alert('three', { status: 'resolved' })]);
    assert.deepEqual(await services(), ['one warning', 'two warning']);
    for (const { endsAt } of await shown()) assert.ok(Math.abs(Date.parse(endsAt) - Date.now() - 240_000) < 20_000, endsAt);
    await sendGroup([alert('one', { status: 'resolved' }), alert('two', { status: 'resolved' })], reference);
    await told('resolved', 'two');
    assert.deepEqual(await shown(), []);
  });

  it('lets alerts end there of which a Keepwatch that died has told nothing for four minutes', async () => {
    const early = { startsAt: new Date(Date.now() - 300_000).toISOString() };
    agoMs = 237_000;
    await sendGroup([alert('gone', early), alert('kept', early)]);
    agoMs = 0;
    await told('firing', 'gone');
    await sendGroup([alert('kept', early)]);
    await told('resolved', 'gone');
    assert.deepEqual(await services(), ['kept warning']);
    await sendGroup([alert('kept', { ...early, status: 'resolved' })]);
    assert.deepEqual(await shown(), []);
  });

  it('ends the alerts of a group whose severities have changed, and none that was never there', async () => {
    const first = await sendGroup([alert('rises'), alert('stays'), alert('ends', critical('ends'))]);
    assert.deepEqual(await services(), ['ends critical', 'rises warning', 'stays warning']);
    // What ends has fallen to warning meanwhile, of which nobody was told.
    const second = [alert('rises', critical('rises')), alert('stays'), alert('ends', { status: 'resolved' })];
    const reference = await sendGroup(second, first);
    assert.deepEqual(await services(), ['rises critical', 'stays warning']);
    const resolved = await told('resolved', 'ends');
    const ended = resolved.body.alerts.filter(({ labels }) => labels['service'] === 'ends');
    assert.deepEqual(
      ended.map(({ labels }) => labels['severity']),
      ['critical'],
    );
    // Told again, as it is for a quarter of an hour.
    const again = await sendGroup(second, reference);
    assert.deepEqual(again, reference);
    await sendGroup(
      [alert('rises', { ...critical('rises'), status: 'resolved' }), alert('stays', { status: 'resolved' })],
      again,
    );
    assert.deepEqual(await shown(), []);
  });

  it('understands what an older version remembers of an alert', async () => {
    await sendGroup([alert('old', { incidentId: INCIDENT })]);
    const labels = JSON.stringify({ alertname: 'HighErrorRate', service: 'old', severity: 'warning' });
    const reference = await sendGroup([alert('old', { ...critical('old'), incidentId: INCIDENT })], { labels, startsAt });
    assert.deepEqual(await services(), ['old critical']);
    await sendGroup([alert('old', { ...critical('old'), incidentId: INCIDENT, status: 'resolved' })], reference);
    assert.deepEqual(await shown(), []);
  });

  it('takes a hundred alerts with long labels, in as many requests as they need', async () => {
    const long = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`label_${index}`, 'x'.repeat(1000)]));
    const alerts = (status: 'firing' | 'resolved') =>
      Array.from({ length: 100 }, (_, index) => alert(`s${index}`, { status, labels: { ...long, service: `s${index}` } }));
    const reference = await sendGroup(alerts('firing'));
    assert.ok(JSON.stringify(reference).length < 50_000);
    assert.equal((await shown()).length, 100);
    await sendGroup(alerts('resolved'), reference);
    assert.deepEqual(await shown(), []);
  });

  it('takes whatever texts are given', async () => {
    await fc.assert(
      fc.asyncProperty(hostileGroup, async (message) => {
        const { outcome, answer } = await receivers.send('am', message);
        assert.equal(outcome, 'delivered', answer);
      }),
      { numRuns: 20 },
    );
    await fc.assert(
      fc.asyncProperty(hostileMessage, async (message) => {
        const { outcome, answer } = await receivers.send('am', message);
        assert.equal(outcome, 'delivered', answer);
      }),
      { numRuns: 40 },
    );
  });
});

function referenceOf(delivery: Delivery): MessageReference | null {
  assert.equal(delivery.outcome, 'delivered', delivery.answer);
  return delivery.outcome === 'delivered' ? (delivery.reference ?? null) : null;
}
