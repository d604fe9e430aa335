import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { webhookBody } from '../../../../src/alerts/receivers/webhook-body.ts';
import { signatureHeaders } from '../../../../src/alerts/receivers/webhook-signature.ts';
import { Secret } from '../../../../src/secret.ts';
import { hostileMessage } from '../../../support/hostile-alert.ts';
import { createMessage, openReceivers } from '../../../support/receivers.ts';
import { startTestWebhookReceiver, type TestWebhookReceiver } from '../../../support/webhook-receiver.ts';

const secretOf = (letter: string) => `whsec_${Buffer.from(letter.repeat(32)).toString('base64')}`;

describe('the receiver webhook', () => {
  let receiver: TestWebhookReceiver;
  beforeEach(async () => {
    receiver = await startTestWebhookReceiver();
  });
  afterEach(() => receiver.close());
  const open = (more: object = {}) =>
    openReceivers([{ name: 'hook', webhook: { url: receiver.url, allowPrivate: true, allowPlaintext: true, ...more } }]);

  it('signs as the reference implementation of Standard Webhooks verifies, with the old secret and the new', () => {
    const body = webhookBody(createMessage(), { name: 'hook', externalUrl: undefined });
    const id = createMessage().id;
    const headers = signatureHeaders([new Secret(secretOf('a')), new Secret(secretOf('b'))], { id, atMs: Date.now(), body });
    for (const letter of ['a', 'b']) assert.ok(new Webhook(secretOf(letter)).verify(body, headers));
    assert.throws(() => new Webhook(secretOf('c')).verify(body, headers));
    assert.throws(() => new Webhook(secretOf('a')).verify(`${body} `, headers));
  });

  it('sends signature and token with every attempt', async () => {
    await open({ secrets: [secretOf('a')], token: 'a-token' }).send('hook', createMessage());
    const { headers } = receiver.received[0] ?? {};
    assert.match(String(headers?.['webhook-signature']), /^v1,[A-Za-z0-9+/]{43}=$/);
    assert.equal(headers?.['webhook-id'], createMessage().id);
    assert.ok(Math.abs(Number(headers?.['webhook-timestamp']) - Date.now() / 1000) < 60);
    assert.equal(headers?.authorization, 'Bearer a-token');
  });

  it('says that a message may come twice', async () => {
    await open().send('hook', createMessage({ attempts: 2, maybe_sent: true }));
    const keepwatch = receiver.received[0]?.body['keepwatch'];
    assert.deepEqual(
      [(keepwatch as { possible_duplicate: boolean }).possible_duplicate, (keepwatch as { attempt: number }).attempt],
      [true, 2],
    );
  });

  it('says what became of a message, by the answer or the lack of one', async () => {
    const outcomes: Record<string, string> = {};
    for (const answer of [200, 202, 301, 400, 401, 404, 408, 410, 413, 422, 429, 500, 503]) {
      receiver.answer = answer;
      outcomes[answer] = (await open().send('hook', createMessage())).outcome;
    }
    assert.deepEqual(outcomes, {
      ...{ 200: 'delivered', 202: 'delivered', 301: 'retry', 400: 'refused', 401: 'retry', 404: 'retry', 408: 'retry' },
      ...{ 410: 'refused', 413: 'refused', 422: 'refused', 429: 'retry', 500: 'retry', 503: 'retry' },
    });
    await receiver.close();
    const { outcome, answer } = await open().send('hook', createMessage());
    assert.equal(outcome, 'retry');
    assert.match(answer, /ECONNREFUSED/);
  });

  it('never shows what is secret, also when the receiver answers it', async () => {
    const receivers = open({
      url: receiver.url.replace('http://', 'http://me:pass%20word@').replace('/hook', '/T0/B0/hook'),
      token: 'tok',
    });
    assert.deepEqual(receivers.list(), [
      { name: 'hook', kind: 'webhook', address: new URL(receiver.url).origin, sendResolved: true },
    ]);
    await receiver.close();
    assert.doesNotMatch((await receivers.send('hook', createMessage())).answer, /pass|T0|tok/);
  });

  it('carries hostile texts as they are, in JSON that is bounded', () => {
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const text = webhookBody(message, { name: 'hook', externalUrl: undefined });
        assert.ok(Buffer.byteLength(text) <= 256 * 1024, `${Buffer.byteLength(text)} bytes`);
        const body = JSON.parse(text, (key, value: unknown) => {
          assert.doesNotMatch(key + (typeof value === 'string' ? value : ''), /\p{Surrogate}/u);
          return value;
        }) as { alerts: { labels: Record<string, string> }[]; keepwatch: { reason: string } };
        assert.equal(body.keepwatch.reason, message.reason);
        assert.equal(body.alerts.length, 1);
      }),
      { numRuns: 60 },
    );
  });
});
