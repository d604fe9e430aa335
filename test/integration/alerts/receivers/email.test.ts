import assert from 'node:assert/strict';
import fc from 'fast-check';
import { emailMessage } from '../../../../src/alerts/receivers/email-message.ts';
import type { Receivers } from '../../../../src/alerts/receivers/receivers.ts';
import { hostileGroup, hostileMessage } from '../../../support/hostile-alert.ts';
import { type MailServer, startMailServer } from '../../../support/mail-server.ts';
import { createAlert, createGroupMessage, createMessage, INCIDENT, openReceivers, PAYLOAD } from '../../../support/receivers.ts';

const FROM = 'Alerts <alerts@keepwatch.example>';
const TO = ['on-call@shop.example', 'team@shop.example'];

import { needTool } from '../../../support/tools.ts';

/** Attributes in them are ours too, but for the address of a link. */
const OWN_TAGS = /<\/?(!doctype html|html|body|p|strong|table|tr|td|pre|br)( style="[^"<>]*")?>|<a href="[^"<>']*">|<\/a>/g;

describe('the receiver email', function () {
  this.timeout(60_000);
  let server: MailServer;
  before(function () {
    needTool(this, 'openssl');
  });
  afterEach(() => server.close());

  const open = (smtp: string, more: object = {}): Receivers =>
    openReceivers([{ name: 'mail', email: { smtp, from: FROM, to: TO, allowPrivate: true, ...more } }], {
      externalUrl: 'https://keepwatch.example',
    });
  const local = (protocol = 'smtp') => `${protocol}://me:secret%20word@127.0.0.1:${server.port}`;

  it('keeps the mails of an incident in one thread, encrypted, as whoever the address names', async () => {
    server = await startMailServer();
    const receivers = open(local(), { ca: server.ca });
    assert.deepEqual(receivers.list(), [
      { name: 'mail', kind: 'email', address: `${TO.join(', ')} by 127.0.0.1:${server.port}`, sendResolved: true },
    ]);
    assert.deepEqual(await receivers.send('mail', createMessage()), { outcome: 'delivered', answer: '250 kept' });
    await receivers.send('mail', createMessage({ reason: 'resolved', id: '22222222-0000-4000-8000-000000000002' }));
    const [first, second] = server.received;
    assert.deepEqual([first?.from, first?.to, first?.isEncrypted, first?.user], ['alerts@keepwatch.example', TO, true, 'me']);
    const ids = [first, second].map((mail) => mail?.headers.get('message-id'));
    assert.deepEqual(ids, [
      `<${INCIDENT}.firing.11111111-0000-4000-8000-000000000001@keepwatch.example>`,
      `<${INCIDENT}.resolved.22222222-0000-4000-8000-000000000002@keepwatch.example>`,
    ]);
    for (const name of ['subject', 'references', 'in-reply-to'])
      assert.equal(first?.headers.get(name), second?.headers.get(name), name);
    assert.equal(first?.headers.get('references'), `<${INCIDENT}@keepwatch.example>`);
    assert.equal(first?.headers.get('subject'), '=?UTF-8?Q?HighErrorRate_=7Bservice=3D=22shop=22=7D?=');
    assert.equal(first?.headers.get('auto-submitted'), 'auto-generated');
    assert.match(first?.source ?? '', /^FIRING: shop: 50% failed\r$/m);
    assert.match(first?.source ?? '', /trace_id=3?D?4bf92f3577b34da6a3ce929d0e0e4736/);
    assert.match(second?.source ?? '', /^RESOLVED: shop: 50% failed\r$/m);
  });

  it('is the same mail in every attempt', async () => {
    server = await startMailServer();
    const receivers = open(local(), { ca: server.ca });
    await receivers.send('mail', createMessage());
    await receivers.send('mail', createMessage({ attempts: 2, maybe_sent: true }));
    assert.equal(server.received[0]?.headers.get('message-id'), server.received[1]?.headers.get('message-id'));
    assert.match(server.received[1]?.source ?? '', /may have been sent before/);
  });

  it('keeps the mails of a group in one thread and under one subject, whatever alerts come and go', async () => {
    server = await startMailServer();
    const receivers = open(local(), { ca: server.ca });
    const [shop, bank] = [createAlert('shop'), createAlert('bank', { labels: { ...PAYLOAD.labels, severity: 'page' } })];
    const over = createAlert('bank', { status: 'resolved' });
    for (const [index, alerts] of [[shop], [shop, bank], [shop, over], [over]].entries())
      await receivers.send('mail', createGroupMessage(alerts, { id: `1111111${index}-0000-4000-8000-000000000001` }));
    const of = (name: string) => [...new Set(server.received.map(({ headers }) => headers.get(name)))];
    assert.deepEqual(of('subject'), ['HighErrorRate']);
    for (const name of ['references', 'in-reply-to']) assert.deepEqual(of(name), [`<${INCIDENT}@keepwatch.example>`]);
    assert.equal(of('message-id').length, 4);
    assert.deepEqual(
      server.received.map(({ headers }) => [headers.get('x-keepwatch-state'), headers.get('importance')]),
      [
        ['firing', undefined],
        ['firing', 'high'],
        ['firing', undefined],
        ['resolved', undefined],
      ],
    );
    assert.match(server.received[1]?.source ?? '', /^\[FIRING:2\] HighErrorRate: /m);
  });

  it('names a group by what it is grouped by', () => {
    const subject = (labels: Record<string, string>) =>
      emailMessage(createGroupMessage([createAlert('shop')], {}, { labels }), 'x', undefined).subject;
    assert.equal(subject({ alertname: 'Slow', team: 'db', severity: 'page' }), 'Slow {team="db"}');
    assert.equal(subject({ severity: 'page' }), 'Alerts {severity="page"}');
    assert.equal(subject({}), 'Alerts');
    assert.equal(subject(PAYLOAD.labels), emailMessage(createMessage(), 'x', undefined).subject);
  });

  it('says the same of several alerts in text and HTML', () => {
    const alerts = [createAlert('shop'), createAlert('bank', { value: 0.25 }), createAlert('post', { status: 'resolved' })];
    const message = createGroupMessage(alerts, { maybe_sent: true }, { firing: 42 });
    const { text, html } = emailMessage(message, 'x', 'https://keepwatch.example');
    const why = (index: number) =>
      `https://keepwatch.example/api/v1/alerts/history?incident=${alerts[index]?.incidentId}&from=2026-01-01T00%3A00%3A00.000Z`;
    const cells = (row: string) =>
      [...row.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell = '']) => cell.replace(/<[^>]*>/g, ''));
    const rows = html
      .split('\n')
      .filter((line) => line.includes('FIRING</strong></td>') || line.includes('RESOLVED</strong></td>'));
    assert.deepEqual(rows.map(cells), [
      ['FIRING', '{service=&quot;shop&quot;}', 'shop: 50% failed', '0.5', '2026-01-01T00:00:00.000Z', 'Why'],
      ['FIRING', '{service=&quot;bank&quot;}', 'bank: 50% failed', '0.25', '2026-01-01T00:00:00.000Z', 'Why'],
      [
        ...['RESOLVED', '{service=&quot;post&quot;}', 'post: 50% failed', '0.5'],
        ...['2026-01-01T00:00:00.000Z to 2026-01-01T00:10:00.000Z', 'Why'],
      ],
    ]);
    for (const index of [0, 1, 2]) assert.ok(html.includes(why(index).replaceAll('&', '&amp;')));
    assert.deepEqual(text.split('\n'), [
      ...['[FIRING:42, RESOLVED:1] HighErrorRate: shop: 50% failed', ''],
      ...['Told because of: new alerts added', 'severity: warning', ''],
      ...[
        'FIRING {service="shop"}',
        '  shop: 50% failed',
        '  Value: 0.5',
        '  Since: 2026-01-01T00:00:00.000Z',
        `  Why: ${why(0)}`,
      ],
      ...['', 'FIRING {service="bank"}', '  bank: 50% failed', '  Value: 0.25', '  Since: 2026-01-01T00:00:00.000Z'],
      ...[`  Why: ${why(1)}`, '', 'RESOLVED {service="post"}', '  post: 50% failed', '  Value: 0.5'],
      ...['  Since: 2026-01-01T00:00:00.000Z to 2026-01-01T00:10:00.000Z', `  Why: ${why(2)}`, '', 'Examples:'],
      ...[0, 1, 2].map(() => '  trace_id=4bf92f3577b34da6a3ce929d0e0e4736 name=POST /pay duration_ms=1203'),
      ...['', 'Runbook: https://runbooks.example/high-error-rate', '', 'Not shown: 40 more firing alerts.'],
      ...['This mail may have been sent before.', 'Sent by Keepwatch.', ''],
    ]);
    for (const part of [
      'new alerts added',
      'Not shown: 40 more firing alerts.',
      'may have been sent before',
      'Runbook',
      'POST /pay',
    ])
      assert.ok(html.includes(part), part);
  });

  it('takes a server with TLS from the first byte on', async () => {
    server = await startMailServer({ secure: true });
    const delivery = await open(local('smtps'), { ca: server.ca }).send('mail', createMessage());
    assert.deepEqual(delivery, { outcome: 'delivered', answer: '250 kept' });
  });

  for (const secure of [false, true])
    it(`hands nothing to a server whose certificate nobody has signed${secure ? ', with TLS from the first byte on' : ''}`, async () => {
      server = await startMailServer({ secure });
      const { outcome, answer } = await open(local(secure ? 'smtps' : 'smtp')).send('mail', createMessage());
      assert.equal(outcome, 'retry', answer);
      assert.match(answer, /self-signed certificate/);
      assert.equal(server.received.length, 0);
    });

  it('hands nothing to a server whose certificate is for another name', async () => {
    server = await startMailServer({}, 'DNS:mail.elsewhere.example');
    const { outcome, answer } = await open(local(), { ca: server.ca }).send('mail', createMessage());
    assert.equal(outcome, 'retry', answer);
    assert.match(answer, /does not match certificate's altnames/);
    assert.equal(server.received.length, 0);
  });

  it('hands nothing to a server without encryption, unless told to', async () => {
    server = await startMailServer({ disabledCommands: ['STARTTLS', 'AUTH'] });
    const smtp = `smtp://127.0.0.1:${server.port}`;
    const { outcome } = await open(smtp).send('mail', createMessage());
    assert.notEqual(outcome, 'delivered');
    assert.equal(server.received.length, 0);
    assert.equal((await open(smtp, { allowPlaintext: true }).send('mail', createMessage())).outcome, 'delivered');
  });

  it('shows no password, and tells what configuration can mend from what is never taken', async () => {
    server = await startMailServer({
      onRcptTo: ({ address }, _session, done) => done(address === TO[1] ? new Error('no such user') : null),
      onData: (stream, _session, done) => {
        stream.resume();
        stream.on('end', () => done(Object.assign(new Error('it looks like spam'), { responseCode: 554 })));
      },
    });
    const wrong = open(local().replace('word', 'w0rd'), { ca: server.ca });
    const denied = await wrong.send('mail', createMessage());
    assert.equal(denied.outcome, 'retry');
    assert.doesNotMatch(denied.answer, /w0rd/);
    assert.deepEqual(await open(local(), { ca: server.ca }).send('mail', createMessage()), {
      outcome: 'refused',
      answer: 'Message failed: 554 it looks like spam (EMESSAGE)',
    });
  });

  it('sends nothing to a private address, unless told to', async () => {
    server = await startMailServer();
    for (const host of ['127.0.0.1', 'localhost', '2130706433', '127.1', '0x7f000001']) {
      const receivers = () => open(`smtp://${host}:${server.port}`, { allowPrivate: false, ca: server.ca });
      if (host === '127.0.0.1' || host === 'localhost') assert.throws(receivers, /allow_private: true/);
      else
        assert.match((await receivers().send('mail', createMessage())).answer, /no address of the internet|ENOTFOUND|EAI_AGAIN/);
    }
    assert.equal(server.received.length, 0);
  });

  it('injects no header and no markup, whatever texts are given', async () => {
    server = await startMailServer();
    const receivers = open(local(), { ca: server.ca });
    await receivers.send('mail', createMessage());
    const names = [...(server.received[0]?.headers.keys() ?? [])].sort();
    await fc.assert(
      fc.asyncProperty(hostileMessage, async (message) => {
        const { outcome, answer } = await receivers.send('mail', {
          ...message,
          payload: { ...message.payload, startsAt: PAYLOAD.startsAt },
        });
        assert.equal(outcome, 'delivered', answer);
        const { headers, source, to } = server.received.at(-1) ?? {};
        const own = [...(headers?.keys() ?? [])].filter((name) => !['importance', 'x-priority'].includes(name));
        assert.deepEqual(own.sort(), names);
        assert.deepEqual(to, TO);
        const { html } = emailMessage(message, 'keepwatch.example', undefined);
        assert.doesNotMatch(html.replace(OWN_TAGS, ''), /[<>"']/);
        assert.ok((source ?? '').length < 100_000);
      }),
      { numRuns: 15 },
    );
    await fc.assert(
      fc.asyncProperty(hostileGroup, async (message) => {
        const { outcome, answer } = await receivers.send('mail', message);
        assert.equal(outcome, 'delivered', answer);
        const { headers, to } = server.received.at(-1) ?? {};
        const own = [...(headers?.keys() ?? [])].filter((name) => !['importance', 'x-priority'].includes(name));
        assert.deepEqual(own.sort(), names);
        assert.deepEqual(to, TO);
        const { html, subject } = emailMessage(message, 'keepwatch.example', undefined);
        assert.doesNotMatch(html.replace(OWN_TAGS, ''), /[<>"']/);
        assert.ok(Buffer.byteLength(html) < 100_000, `${Buffer.byteLength(html)} bytes`);
        assert.doesNotMatch(subject, /[\p{Cc}\p{Surrogate}]/u);
      }),
      { numRuns: 15 },
    );
  });
});
