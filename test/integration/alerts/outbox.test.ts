// Delivery on real Postgres to a real HTTP server.
import assert from 'node:assert/strict';
import { Outbox, type OutboxOptions } from '../../../src/alerts/outbox.ts';
import type { Delivery } from '../../../src/alerts/receivers/notifier.ts';
import type { Database } from '../../../src/db/database.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { INCIDENT, PAYLOAD, webhookReceivers } from '../../support/receivers.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestWebhookReceiver, type TestWebhookReceiver } from '../../support/webhook-receiver.ts';

const EXTERNAL_URL = 'https://keepwatch.example/';
const DELIVERED: Delivery = { outcome: 'delivered', answer: 'taken' };

describe('Outbox', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  let database: Database;
  let receiver: TestWebhookReceiver;
  beforeEach(async () => {
    test = await createTestDatabase();
    database = test.database;
    receiver = await startTestWebhookReceiver();
  });
  afterEach(async () => {
    await receiver.close();
    await test.drop();
  });

  const createOutbox = (options: Partial<OutboxOptions> = {}) =>
    new Outbox({
      database,
      receivers: ['pager', 'mail'],
      logger: silentLogger,
      send: (name, message) => webhookReceivers(name, receiver.url, { externalUrl: EXTERNAL_URL }).send(name, message),
      ...options,
    });
  const insert = (
    values: {
      receiver?: string;
      reason?: 'firing' | 'resolved' | 'nodata' | 'error';
      incidentId?: string;
      expiresInMs?: number;
    } = {},
  ) =>
    database.one<{ id: string }>(
      `insert into keepwatch.notification_outbox (incident_id, receiver, reason, dedupe_key, group_name, rule_uid, rule, fingerprint, payload, expires_at)
       values ($<incidentId>, $<receiver>, $<reason>, $<incidentId> || $<receiver> || $<reason>, 'g', 'g/HighErrorRate', 'HighErrorRate', '\\xab', $<payload:json>,
         now() + $<expiresInMs> * interval '1 millisecond') returning id`,
      {
        receiver: 'pager',
        reason: 'firing',
        incidentId: INCIDENT,
        expiresInMs: 86_400_000,
        ...values,
        payload: { ...PAYLOAD, status: values.reason === 'resolved' ? 'resolved' : 'firing' },
      },
    );
  const rows = () =>
    database.any<{ status: string; attempts: number; last_error: string | null; wait: number }>(
      `select status, attempts, last_error, extract(epoch from next_attempt_at - clock_timestamp())::float8 as wait
       from keepwatch.notification_outbox order by created_at, reason`,
    );
  /** As if the time until the next attempt (and the lease) had passed. */
  const letTimePass = () =>
    database.none(
      `update keepwatch.notification_outbox set next_attempt_at = now(), lease_until = lease_until - interval '1 minute'`,
    );

  it('posts what Alertmanager would post', async () => {
    const { id } = await insert();
    await createOutbox().deliver(['pager']);
    const [request] = receiver.received;
    assert.equal(request?.headers['webhook-id'], id);
    assert.equal(request?.headers['content-type'], 'application/json');
    const { keepwatch, ...body } = request.body;
    assert.deepEqual(body, {
      version: '4',
      groupKey: '{}:{alertname="HighErrorRate", service="shop", severity="warning"}',
      truncatedAlerts: 0,
      status: 'firing',
      receiver: 'pager',
      groupLabels: PAYLOAD.labels,
      commonLabels: PAYLOAD.labels,
      commonAnnotations: PAYLOAD.annotations,
      externalURL: 'https://keepwatch.example/',
      alerts: [
        {
          status: 'firing',
          labels: PAYLOAD.labels,
          annotations: PAYLOAD.annotations,
          startsAt: '2026-01-01T00:03:00.000Z',
          endsAt: '0001-01-01T00:00:00Z',
          generatorURL: `https://keepwatch.example/api/v1/alerts/history?incident=${INCIDENT}&from=2026-01-01T00%3A00%3A00.000Z`,
          fingerprint: 'abababababababab',
        },
      ],
    });
    assert.equal((keepwatch as Record<string, unknown>)['incident_id'], INCIDENT);
    assert.equal((keepwatch as Record<string, unknown>)['reason'], 'firing');
    assert.equal((await rows())[0]?.status, 'sent');
  });

  it('delivers once when the receiver is down for a while and comes back', async () => {
    const outbox = createOutbox({ random: () => 0.5 });
    await insert();
    receiver.answer = 503;
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt++) {
      await outbox.deliver(['pager']);
      await outbox.deliver(['pager']);
      const [row] = await rows();
      assert.equal(row?.attempts, attempt, 'not before its time');
      assert.equal(row.last_error, 'the receiver answered 503: {}');
      waits.push(row.wait);
      await letTimePass();
    }
    // What is left of the wait, a moment after it began.
    for (const [index, wanted] of [5, 10, 20, 40, 80, 160, 300, 300, 300].entries()) {
      const left = waits[index] ?? 0;
      assert.ok(left <= wanted && left > wanted - 4, `attempt ${index + 1}: ${left} s`);
    }
    receiver.answer = 200;
    await outbox.deliver(['pager']);
    await letTimePass();
    await outbox.deliver(['pager']);
    assert.equal(receiver.received.length, 10);
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1);
    const { status, last_error } = (await rows())[0] ?? {};
    assert.deepEqual({ status, last_error }, { status: 'sent', last_error: null });
    const counts = outbox.counts.filter(({ receiver: name }) => name === 'pager').map(({ outcome, count }) => [outcome, count]);
    assert.deepEqual(Object.fromEntries(counts), { sent: 1, failed: 9, dead: 0 });
  });

  it('follows no redirect', async () => {
    await insert();
    receiver.answer = 307;
    await createOutbox().deliver(['pager']);
    assert.equal(receiver.received.length, 1);
    assert.match((await rows())[0]?.last_error ?? '', /answered 307 \(redirects are not followed\)/);
  });

  it('says that nobody listens, without the address', async () => {
    await insert();
    const { url } = receiver;
    await receiver.close();
    await createOutbox({
      send: (name, message) => webhookReceivers(name, url.replace('http://', 'http://me:secret@')).send(name, message),
    }).deliver(['pager']);
    assert.match((await rows())[0]?.last_error ?? '', /ECONNREFUSED/);
    assert.doesNotMatch((await rows())[0]?.last_error ?? '', /secret/);
  });

  it('sends user and password of the address as a header', async () => {
    await insert();
    await createOutbox({
      send: (name, message) => webhookReceivers(name, receiver.url.replace('http://', 'http://me:a%20b@')).send(name, message),
    }).deliver(['pager']);
    assert.equal(receiver.received[0]?.headers.authorization, `Basic ${Buffer.from('me:a b').toString('base64')}`);
  });

  it('sends each message once when several workers race for them', async () => {
    for (let index = 0; index < 30; index++)
      await insert({ incidentId: `00000000-0000-8000-8000-0000000001${String(index).padStart(2, '0')}` });
    await Promise.all([1, 2, 3].map(() => createOutbox().deliver(['pager'])));
    assert.equal(receiver.received.length, 30);
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 30);
  });

  it('sends a message again, with the same id, when its worker died before it was settled', async () => {
    await insert();
    const gone = createOutbox({
      database: Object.assign(Object.create(database), { oneOrNone: () => Promise.reject(new Error('killed')) }) as Database,
    });
    await gone.deliver(['pager']);
    assert.deepEqual(
      (await rows()).map(({ status, attempts }) => ({ status, attempts })),
      [{ status: 'pending', attempts: 1 }],
    );
    await createOutbox().deliver(['pager']);
    assert.equal(receiver.received.length, 1, 'the lease of the dead worker still holds');
    await letTimePass();
    await createOutbox().deliver(['pager']);
    assert.equal(receiver.received[0]?.headers['webhook-id'], receiver.received[1]?.headers['webhook-id']);
    assert.equal((await rows())[0]?.status, 'sent');
  });

  it('waits for all that is under way when it stops, also when one could not be settled', async () => {
    await insert();
    await insert({ incidentId: '00000000-0000-8000-8000-000000000002' });
    let release = () => {};
    let sending = 0;
    let settled = 0;
    const settle = database.oneOrNone.bind(database) as (...given: unknown[]) => Promise<unknown>;
    const outbox = createOutbox({
      database: Object.assign(Object.create(database), {
        oneOrNone: (...given: unknown[]) => (++settled > 1 ? settle(...given) : Promise.reject(new Error('lost'))),
      }) as Database,
      send: () => (++sending === 1 ? Promise.resolve(DELIVERED) : new Promise((done) => (release = () => done(DELIVERED)))),
    });
    const delivered = outbox.deliver(['pager']);
    await waitFor(() => sending === 2 && settled === 1);
    let isStopped = false;
    const stopped = outbox.stop().then(() => {
      isStopped = true;
    });
    await database.one('select 1 as one');
    assert.equal(isStopped, false);
    release();
    await Promise.all([stopped, delivered]);
    assert.ok((await rows()).some(({ status }) => status === 'sent'));
  });

  for (const first of ['firing', 'nodata', 'error'] as const)
    it(`keeps resolved back until ${first} is told`, async () => {
      await insert({ reason: first });
      await insert({ reason: 'resolved' });
      receiver.answer = 500;
      await createOutbox().deliver(['pager']);
      receiver.answer = 200;
      await createOutbox().deliver(['pager']);
      assert.equal(receiver.received.length, 1);
      await letTimePass();
      await createOutbox().deliver(['pager']);
      assert.deepEqual(
        receiver.received.map(({ body }) => body.status),
        ['firing', 'firing', 'resolved'],
      );
    });

  it('gives up when the message has expired, and says so', async () => {
    const lines: string[] = [];
    const outbox = createOutbox({ logger: { ...silentLogger, error: (_fields, message) => lines.push(message) } });
    await insert({ expiresInMs: 2000 });
    await insert({ receiver: 'mail', expiresInMs: -1 });
    receiver.answer = 500;
    await outbox.deliver(['pager', 'mail']);
    const statuses = (await rows()).map(({ status, last_error }) => `${status} ${last_error}`);
    assert.deepEqual(statuses.sort(), ['dead expired before an attempt', 'dead the receiver answered 500: {}']);
    assert.deepEqual(lines, ['notification given up', 'notification given up']);
    assert.equal(receiver.received.length, 1);
  });

  it('keeps the answer, and gives what a receiver finds its message by to the next one of the incident', async () => {
    const given: (object | null)[] = [];
    const outbox = createOutbox({
      send: async (_name, { reason, reference }) => {
        given.push(reference);
        return { outcome: 'delivered', answer: `took ${reason}`, reference: { ts: reason } };
      },
    });
    for (const reason of ['firing', 'nodata', 'resolved'] as const) {
      await insert({ reason });
      await insert({ reason, receiver: 'mail' });
      await outbox.deliver(['pager']);
    }
    assert.deepEqual(given, [null, { ts: 'firing' }, { ts: 'nodata' }]);
    const kept = await database.any(
      'select answer, reference from keepwatch.notification_outbox where answer is not null order by created_at',
    );
    assert.deepEqual(kept[2], { answer: 'took resolved', reference: { ts: 'resolved' } });
  });

  it('says that a message may come twice when nobody knows what became of an attempt', async () => {
    const given: boolean[] = [];
    const deliveries: Delivery[] = [
      { outcome: 'retry', answer: 'busy' },
      { outcome: 'unknown', answer: 'lost' },
      { outcome: 'retry', answer: 'busy' },
    ];
    const outbox = createOutbox({
      send: async (_name, { maybe_sent }) => {
        given.push(maybe_sent);
        return deliveries.shift() ?? DELIVERED;
      },
    });
    await insert();
    for (let attempt = 1; attempt <= 4; attempt++) {
      await outbox.deliver(['pager']);
      await letTimePass();
    }
    assert.deepEqual(given, [false, false, true, true]);
    assert.equal((await rows())[0]?.status, 'sent');
  });

  it('comes back when the receiver says so, and not at all to one that never takes the message', async () => {
    const outbox = createOutbox({
      send: async (name) =>
        name === 'pager'
          ? { outcome: 'retry', answer: '429', afterMs: 77_000 }
          : { outcome: 'refused', answer: 'the receiver answered 400' },
    });
    await insert();
    await insert({ receiver: 'mail' });
    await outbox.deliver(['pager', 'mail']);
    const [pager, mail] = await database.any<{ status: string; last_error: string; wait: number }>(
      `select status, last_error, extract(epoch from next_attempt_at - clock_timestamp())::float8 as wait
       from keepwatch.notification_outbox order by receiver desc`,
    );
    assert.deepEqual([pager?.status, mail?.status, mail?.last_error], ['pending', 'dead', 'the receiver answered 400']);
    assert.ok((pager?.wait ?? 0) > 70 && (pager?.wait ?? 0) <= 77);
    assert.deepEqual(
      outbox.counts.filter(({ count }) => count > 0).map(({ receiver: name, outcome }) => `${name} ${outcome}`),
      ['pager failed', 'mail dead'],
    );
  });

  it('lets a receiver that hangs block no other', async () => {
    await insert();
    await insert({ receiver: 'mail' });
    let release = () => {};
    const sent: string[] = [];
    const outbox = createOutbox({
      send: (name) => {
        sent.push(name);
        return name === 'pager' ? new Promise((done) => (release = () => done(DELIVERED))) : Promise.resolve(DELIVERED);
      },
    });
    const all = outbox.deliver(['pager', 'mail']);
    await outbox.deliver(['mail']);
    await waitFor(() => sent.length === 2);
    assert.deepEqual(sent.sort(), ['mail', 'pager']);
    assert.equal(outbox.counts.find(({ receiver: name, outcome }) => name === 'mail' && outcome === 'sent')?.count, 1);
    release();
    await all;
    await outbox.stop();
    assert.deepEqual(
      (await rows()).map(({ status }) => status),
      ['sent', 'sent'],
    );
  });
});
