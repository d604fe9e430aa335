// Events of PagerDuty that tell of several alerts.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Receivers } from '../../../../src/alerts/receivers/receivers.ts';
import { hostileGroup } from '../../../support/hostile-alert.ts';
import { type PagerDutyDouble, ROUTING_KEY, startPagerDuty } from '../../../support/pagerduty.ts';
import { createAlert, createGroupMessage, createMessage, INCIDENT, openReceivers, PAYLOAD } from '../../../support/receivers.ts';

interface Details {
  readonly firing: number;
  readonly resolved: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly alerts: readonly Readonly<Record<string, unknown>>[];
  readonly examples: readonly string[];
  readonly left_out?: string;
}

describe('the receiver pagerduty, of several alerts', () => {
  let double: PagerDutyDouble;
  let receivers: Receivers;
  beforeEach(async () => {
    double = await startPagerDuty();
    const pagerduty = { routingKey: ROUTING_KEY, url: `${double.url}/v2/enqueue`, allowPrivate: true, allowPlaintext: true };
    receivers = openReceivers([{ name: 'on-call', pagerduty }], { externalUrl: 'https://keepwatch.example' });
  });
  afterEach(() => double.close());
  const sent = () => double.taken.at(-1)?.body;
  const details = () => sent()?.payload?.custom_details as unknown as Details;

  it('opens one incident for a conversation, and ends it when nothing fires any more', async () => {
    const [shop, bank] = [createAlert('shop'), createAlert('bank', { labels: { ...PAYLOAD.labels, severity: 'page' } })];
    const over = (alert: typeof shop) => ({ ...alert, status: 'resolved' as const, reason: 'resolved' as const });
    const states = [];
    // Alone at first, then one more; the first ends; then the other one.
    for (const alerts of [[shop], [shop, bank], [bank, over(shop)], [over(bank)]]) {
      assert.equal((await receivers.send('on-call', createGroupMessage(alerts))).outcome, 'delivered');
      states.push(Object.fromEntries(double.incidents));
    }
    const [open, ended] = [{ [INCIDENT]: 'triggered' }, { [INCIDENT]: 'resolved' }];
    assert.deepEqual(states, [open, open, open, ended]);
    assert.deepEqual(
      double.taken.map(({ body }) => [body.event_action, body.payload?.severity]),
      [
        ['trigger', 'warning'],
        ['trigger', 'critical'],
        ['trigger', 'critical'],
        ['resolve', undefined],
      ],
    );
  });

  it('keeps an incident open whose first alert is over while another one fires', async () => {
    await receivers.send('on-call', createMessage({ thread: INCIDENT }));
    const alerts = [createAlert('bank'), createAlert('shop', { status: 'resolved', incidentId: INCIDENT })];
    await receivers.send('on-call', createGroupMessage(alerts));
    assert.deepEqual(Object.fromEntries(double.incidents), { [INCIDENT]: 'triggered' });
  });

  it('says what alerts have in common, and of each what it has not', async () => {
    const alerts = [createAlert('shop'), createAlert('bank'), createAlert('post', { status: 'resolved' })];
    await receivers.send('on-call', createGroupMessage(alerts));
    const summary = '[FIRING:2, RESOLVED:1] HighErrorRate {severity="warning"}: shop: 50% failed';
    assert.equal(sent()?.payload?.summary, summary);
    assert.deepEqual(sent()?.links, [{ text: 'Runbook', href: 'https://runbooks.example/high-error-rate' }]);
    const { alerts: shown, examples, ...rest } = details();
    assert.deepEqual(rest, {
      firing: 2,
      resolved: 1,
      told_because_of: 'new alerts added',
      labels: { severity: 'warning' },
    });
    assert.deepEqual(
      shown.map(({ state, alert, values }) => [state, alert, values]),
      [
        ['FIRING', '{service="shop"}', PAYLOAD.row],
        ['FIRING', '{service="bank"}', PAYLOAD.row],
        ['RESOLVED', '{service="post"}', PAYLOAD.row],
      ],
    );
    assert.match(String(shown[1]?.['why']), /^https:\/\/keepwatch\.example\/api\/v1\/alerts\/history\?incident=/);
    assert.match(examples[0] ?? '', /^trace_id=4bf92f3577b34da6a3ce929d0e0e4736/);
  });

  it('leaves numbers out before alerts', async () => {
    const alerts = Array.from({ length: 100 }, (_, index) => createAlert(`s${index}`, { row: { text: 'x'.repeat(6000) } }));
    await receivers.send('on-call', createGroupMessage(alerts, {}, { firing: 107 }));
    assert.deepEqual([details().alerts.length, details().alerts[0]?.['values']], [100, undefined]);
    assert.equal(details().left_out, '7 more firing alerts');
  });

  it('keeps within the limits whatever texts are given', async () => {
    await fc.assert(
      fc.asyncProperty(hostileGroup, async (message) => {
        const { outcome, answer } = await receivers.send('on-call', message);
        assert.equal(outcome, 'delivered', answer);
        const isFiring = (message.payload.together?.firing ?? 0) > 0;
        assert.equal(sent()?.event_action, isFiring ? 'trigger' : 'resolve');
        if (!isFiring) return;
        assert.doesNotMatch(sent()?.payload?.summary ?? '', /[\p{Cc}\p{Surrogate}]/u);
        const left = [...(details().left_out ?? '').matchAll(/(\d+) more/g)].reduce((sum, [, count]) => sum + Number(count), 0);
        assert.equal(details().alerts.length + left, details().firing + details().resolved);
      }),
      { numRuns: 30 },
    );
  });
});
