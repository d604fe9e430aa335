import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Delivery, MessageReference } from '../../../../src/alerts/receivers/notifier.ts';
import type { Receivers } from '../../../../src/alerts/receivers/receivers.ts';
import { slackMessage } from '../../../../src/alerts/receivers/slack-message.ts';
import { hostileGroup, hostileMessage } from '../../../support/hostile-alert.ts';
import { createAlert, createGroupMessage, createMessage, openReceivers, PAYLOAD } from '../../../support/receivers.ts';
import {
  CHANNEL,
  problemsOf,
  type SlackBody,
  type SlackDouble,
  startSlack,
  TOKEN,
  WEBHOOK_PATH,
} from '../../../support/slack.ts';

const EXTERNAL_URL = 'https://keepwatch.example';

describe('the receiver slack', function () {
  this.timeout(30_000);
  let double: SlackDouble;
  beforeEach(async () => {
    double = await startSlack();
  });
  afterEach(() => double.close());

  const local = { allowPrivate: true, allowPlaintext: true };
  const byWebhook = (): Receivers =>
    openReceivers([{ name: 'chat', slack: { url: double.url + WEBHOOK_PATH, ...local } }], { externalUrl: EXTERNAL_URL });
  const byBot = (): Receivers =>
    openReceivers([{ name: 'chat', slack: { token: TOKEN, channel: CHANNEL, apiUrl: `${double.url}/api`, ...local } }]);

  it('posts state, summary, labels, example rows with trace ids, and links', async () => {
    const receivers = byWebhook();
    assert.deepEqual(receivers.list(), [{ name: 'chat', kind: 'slack', address: double.url, sendResolved: true }]);
    assert.deepEqual(await receivers.send('chat', createMessage()), {
      outcome: 'delivered',
      answer: 'the receiver answered 200: ok',
    });
    const { text, blocks = [] } = double.taken[0]?.body ?? {};
    assert.equal(text, '🔴 FIRING HighErrorRate {service="shop"}: shop: 50% failed');
    const shown = blocks.map((block) => [block.text, ...(block.fields ?? [])].map((one) => one?.text ?? '').join('|'));
    assert.deepEqual(shown, [
      '🔴 FIRING HighErrorRate',
      'shop: 50% failed',
      '|*Severity*\nwarning|*Value*\n0.5|*Fires when*\nvalue &gt; 0.1|*Since*\n2026-01-01T00:00:00.000Z',
      '|*service*\nshop',
      '```trace_id=4bf92f3577b34da6a3ce929d0e0e4736 name=POST /pay duration_ms=1203```',
      `<https://keepwatch.example/api/v1/alerts/history?incident=${PAYLOAD.incidentId}&amp;from=2026-01-01T00%3A00%3A00.000Z|Why>  <https://runbooks.example/high-error-rate|Runbook>`,
      '',
    ]);
  });

  it('sends no more than one message a second, however many are due', async () => {
    const receivers = byWebhook();
    const sent = await Promise.all([1, 2, 3].map(() => receivers.send('chat', createMessage())));
    assert.deepEqual(
      sent.map(({ outcome }) => outcome),
      ['delivered', 'delivered', 'delivered'],
    );
    assert.equal(double.taken.length, 3);
  });

  it('leaves Slack alone for as long as it says, without asking it', async () => {
    const receivers = byWebhook();
    double.answers.push({ status: 429, headers: { 'retry-after': '30' }, text: 'rate_limited' });
    assert.deepEqual(await receivers.send('chat', createMessage()), {
      outcome: 'retry',
      answer: 'the receiver answered 429: rate_limited',
      afterMs: 30_000,
    });
    const second = await receivers.send('chat', createMessage());
    assert.ok(second.outcome === 'retry' && (second.afterMs ?? 0) > 29_000);
    assert.equal(double.taken.length, 0);
  });

  it('sends the essentials when the blocks are refused', async () => {
    double.answers.push({ status: 400, text: 'invalid_blocks' });
    assert.equal((await byWebhook().send('chat', createMessage())).outcome, 'delivered');
    assert.equal(double.taken[0]?.body.blocks, undefined);
  });

  it('changes its message in place by a bot, and says in the thread when it becomes worse', async () => {
    const receivers = byBot();
    const reference = referenceOf(await receivers.send('chat', createMessage()));
    assert.deepEqual(reference, { channel: CHANNEL, ts: '1700000000.000100' });
    const worse = createMessage({ reference }, { labels: { ...PAYLOAD.labels, severity: 'critical' } });
    assert.deepEqual(referenceOf(await receivers.send('chat', worse)), reference);
    const over = await receivers.send('chat', createMessage({ reason: 'resolved', reference }));
    assert.deepEqual(over, { outcome: 'delivered', answer: 'chat.update: ok', reference });
    assert.equal(double.messages.size, 2);
    assert.match(double.messages.get(reference?.['ts'] ?? '')?.text ?? '', /^🟢 RESOLVED HighErrorRate/);
    const reply = [...double.messages.values()].find(({ thread_ts }) => thread_ts !== undefined);
    assert.deepEqual([reply?.thread_ts, reply?.reply_broadcast], [reference?.['ts'], true]);
  });

  it('posts anew what cannot be changed any more', async () => {
    const reference = { channel: CHANNEL, ts: '1.000000' };
    const given = await byBot().send('chat', createMessage({ reason: 'resolved', reference }));
    assert.deepEqual(referenceOf(given), { channel: CHANNEL, ts: '1700000000.000100' });
  });

  it('tells what only configuration can mend from what is never taken', async () => {
    const answer = (error: string) => ({ status: 200, text: JSON.stringify({ ok: false, error }) });
    double.answers.push(answer('token_revoked'), answer('msg_too_long'), answer('msg_too_long'));
    const receivers = byBot();
    assert.deepEqual(await receivers.send('chat', createMessage()), {
      outcome: 'retry',
      answer: 'chat.postMessage: token_revoked',
    });
    assert.deepEqual(await receivers.send('chat', createMessage()), {
      outcome: 'refused',
      answer: 'chat.postMessage: msg_too_long',
    });
  });

  it('posts several alerts with what they have in common, and a section each', async () => {
    const alerts = [createAlert('shop'), createAlert('bank', { value: 0.25 }), createAlert('post', { status: 'resolved' })];
    await byWebhook().send('chat', createGroupMessage(alerts));
    const { text, blocks = [] } = double.taken[0]?.body ?? {};
    const why = (index: number) =>
      `<https://keepwatch.example/api/v1/alerts/history?incident=${alerts[index]?.incidentId}&amp;from=2026-01-01T00%3A00%3A00.000Z|Why>`;
    assert.deepEqual(
      blocks.map((block) => block.text?.text ?? block.elements?.map((one) => one.text).join('|')),
      [
        '🔴 [FIRING:2, RESOLVED:1] HighErrorRate',
        '{severity="warning"}',
        `🔴 *FIRING* {service="shop"} · 0.5 · ${why(0)}\nshop: 50% failed`,
        `🔴 *FIRING* {service="bank"} · 0.25 · ${why(1)}\nbank: 50% failed`,
        `🟢 *RESOLVED* {service="post"} · 0.5 · ${why(2)}\npost: 50% failed`,
        `\`\`\`${[0, 1, 2].map(() => 'trace_id=4bf92f3577b34da6a3ce929d0e0e4736 name=POST /pay duration_ms=1203').join('\n')}\`\`\``,
        '<https://runbooks.example/high-error-rate|Runbook>',
        'new alerts added · Keepwatch',
      ],
    );
    assert.deepEqual(text?.split('\n'), [
      '🔴 [FIRING:2, RESOLVED:1] HighErrorRate {severity="warning"}: new alerts added',
      '• FIRING {service="shop"}: shop: 50% failed',
      '• FIRING {service="bank"}: bank: 50% failed',
      '• RESOLVED {service="post"}: post: 50% failed',
    ]);
  });

  it('shows as many alerts as a message may have blocks, and counts the others', () => {
    const of = (length: number) => {
      const annotations = { summary: 'x'.repeat(length) };
      const alerts = Array.from({ length: 100 }, (_, index) => createAlert(`s${index}`, { annotations }));
      return slackMessage(createGroupMessage(alerts, {}, { firing: 5000 }), undefined);
    };
    const [short, long] = [JSON.stringify(of(20)), JSON.stringify(of(2000))];
    assert.match(short, /and 4956 more firing alerts/);
    assert.equal([...short.matchAll(/\*FIRING\*/g)].length, 44);
    assert.equal([...long.matchAll(/\*FIRING\*/g)].length, 44);
    assert.match(long, /x{79}…/);
  });

  it('changes the message of a conversation in place, and is heard only when it is worse, or goes on', async () => {
    const receivers = byBot();
    const [shop, bank] = [createAlert('shop'), createAlert('bank')];
    const over = (alert: typeof shop) => createAlert(alert.labels['service'] ?? '', { status: 'resolved' });
    const steps = [
      { alerts: [shop], why: 'first notification' },
      { alerts: [shop, bank], why: 'new alerts added' },
      { alerts: [bank, over(shop)], why: 'some alerts resolved' },
      { alerts: [bank], why: 'repeat interval elapsed' },
      { alerts: [over(bank), over(shop)], why: 'all alerts resolved' },
    ] as const;
    let reference: MessageReference | undefined;
    const heard = [];
    for (const { alerts, why } of steps) {
      const before = double.messages.size;
      const message = createGroupMessage(alerts, { reference: reference ?? null }, { why });
      reference = referenceOf(await receivers.send('chat', message));
      heard.push(double.messages.size - before);
    }
    assert.deepEqual(heard, [1, 1, 0, 1, 0]);
    const [first, ...replies] = [...double.messages];
    assert.ok(first !== undefined && first[0] === reference?.['ts']);
    assert.match(first[1].text, /^🟢 \[RESOLVED:2\] HighErrorRate/);
    assert.deepEqual(
      replies.map(([, { thread_ts, text }]) => [thread_ts, text.split('\n')[0]]),
      [
        [first[0], '🔴 [FIRING:2] HighErrorRate {severity="warning"}: new alerts added'],
        [first[0], '🔴 FIRING HighErrorRate {service="bank"}: bank: 50% failed'],
      ],
    );
  });

  it('keeps within the limits, and mentions nobody, whatever texts are given', () => {
    fc.assert(
      fc.property(hostileMessage, (message) => {
        assert.deepEqual(problemsOf(JSON.parse(JSON.stringify(slackMessage(message, EXTERNAL_URL)))), []);
      }),
      { numRuns: 100 },
    );
    fc.assert(
      fc.property(hostileGroup, (message) => {
        const sent = JSON.parse(JSON.stringify(slackMessage(message, EXTERNAL_URL))) as SlackBody;
        assert.deepEqual(problemsOf(sent), []);
        assert.match(sent.text, /^(🔴|🟢) \[/u);
      }),
      { numRuns: 100 },
    );
  });
});

function referenceOf(delivery: Delivery): MessageReference | undefined {
  assert.equal(delivery.outcome, 'delivered', delivery.answer);
  return delivery.outcome === 'delivered' ? delivery.reference : undefined;
}
