// The log of deliveries over HTTP: what was sent, to whom, when, with which answer.
import assert from 'node:assert/strict';
import type { DeliveryDetail, DeliveryEntry } from '../../../src/alerts/delivery/delivery-log.ts';
import { type AlertsApiFixture, openAlertsApi } from '../../support/alerts-api.ts';

const INCIDENT = 'aaaaaaaa-0000-8000-8000-000000000001';
const OTHER = 'bbbbbbbb-0000-8000-8000-000000000001';
const TOGETHER = 'cccccccc-0000-8000-8000-000000000001';
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

const MESSAGES = [
  { number: 1, receiver: 'pager', status: 'sent', incident: INCIDENT, hoursAgo: 5, answer: 'the receiver answered 200: ok' },
  { number: 2, receiver: 'mail', status: 'dead', incident: INCIDENT, hoursAgo: 4, last_error: 'mailbox unavailable' },
  { number: 3, receiver: 'pager', status: 'merged', incident: OTHER, hoursAgo: 3, merged_into: id(4) },
  { number: 4, receiver: 'pager', status: 'pending', incident: OTHER, together: TOGETHER, hoursAgo: 2, last_error: '503' },
  { number: 5, receiver: 'pager', status: 'sent', incident: OTHER, hoursAgo: 48 },
] as const;

describe('the API of deliveries', function () {
  this.timeout(60_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi();
    const messages = MESSAGES.map(({ number, ...message }) => ({ together: null, ...message, id: id(number), number }));
    await fixture.database.none(
      `insert into keepwatch.notification_outbox (id, incident_id, created_at, expires_at, reason, dedupe_key, receiver, group_name, rule, rule_uid, fingerprint,
         status, sent_at, attempts, answer, last_error, merged_into, group_key, version, alerts, payload)
       select id, incident, now() - "hoursAgo" * interval '1 hour', now() + interval '1 day', 'firing', id, receiver, 'g', 'R', 'g/R', '\\x00', status,
         case when status = 'sent' then now() end, 2, answer, last_error, merged_into, 'key', number, case when together is null then 1 else 2 end,
         jsonb_build_object('incidentId', incident, 'labels', '{"alertname": "R"}'::jsonb) || case when together is null then '{}' else jsonb_build_object('together',
           jsonb_build_object('why', 'new alerts added', 'labels', '{"service": "shop"}'::jsonb, 'alerts', jsonb_build_array(
             jsonb_build_object('incidentId', incident), jsonb_build_object('incidentId', together)))) end
       from jsonb_to_recordset($<messages:json>::jsonb) as given (id uuid, number integer, receiver text, status text, incident uuid, together uuid,
         "hoursAgo" integer, answer text, last_error text, merged_into uuid);
       insert into keepwatch.notification_attempt (message_id, attempt, outcome, duration_ms, answer)
       values ($<first>, 2, 'delivered', 41, 'the receiver answered 200: ok'), ($<first>, 1, 'retry', 25000, 'no answer within 25 s')`,
      { messages, first: id(1) },
    );
  });
  after(() => fixture.close());

  const list = (query = '') => fixture.send<{ deliveries: DeliveryEntry[]; cursor?: string }>('get', `/deliveries${query}`);
  const numbers = async (query = '') => {
    const { status, data, error } = await list(query);
    assert.equal(status, 200, error);
    return data.deliveries.map((delivery) => Number(delivery.id.slice(-1)));
  };

  it('lists what became of messages, newest first, of the last day unless told otherwise', async () => {
    const { data } = await list();
    assert.deepEqual(
      data.deliveries.map(({ receiver, status, answer, last_error, merged_into }) => [
        receiver,
        status,
        answer,
        last_error,
        merged_into,
      ]),
      [
        ['pager', 'pending', null, '503', null],
        ['pager', 'merged', null, null, id(4)],
        ['mail', 'dead', null, 'mailbox unavailable', null],
        ['pager', 'sent', 'the receiver answered 200: ok', null, null],
      ],
    );
    const [pending, , , sent] = data.deliveries;
    assert.deepEqual(
      [pending?.why, pending?.labels, pending?.alerts, pending?.version, pending?.attempts],
      ['new alerts added', { service: 'shop' }, 2, 4, 2],
    );
    assert.deepEqual([sent?.why, sent?.labels, sent?.alerts], [null, { alertname: 'R' }, 1]);
    assert.deepEqual([pending?.next_attempt_at !== null, sent?.next_attempt_at, sent?.sent_at !== null], [true, null, true]);
    assert.ok(data.deliveries.every((delivery) => !('payload' in delivery)));
  });

  it('finds them by receiver, status, incident and time', async () => {
    const since = (hours: number) => `since=${new Date(Date.now() - hours * 3_600_000).toISOString()}`;
    assert.deepEqual(await numbers(`?${since(72)}`), [4, 3, 2, 1, 5]);
    assert.deepEqual(await numbers(`?${since(3.5)}`), [4, 3]);
    assert.deepEqual(await numbers('?receiver=mail'), [2]);
    assert.deepEqual(await numbers('?receiver=pager&status=sent'), [1]);
    assert.deepEqual(await numbers(`?incident=${INCIDENT}`), [2, 1]);
    assert.deepEqual(await numbers(`?incident=${TOGETHER.toUpperCase()}`), [4], 'one that is told with others');
  });

  it('pages without a gap or a double', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { data } = await list(`?since=2020-01-01&limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      assert.ok(data.deliveries.length > 0);
      seen.push(...data.deliveries.map((delivery) => delivery.id));
      cursor = data.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(seen, [4, 3, 2, 1, 5].map(id));
  });

  it('shows what was sent, and each attempt', async () => {
    const { data, error } = await fixture.send<DeliveryDetail>('get', `/deliveries/${id(1)}`);
    assert.equal(error, undefined);
    assert.deepEqual(data.payload, { incidentId: INCIDENT, labels: { alertname: 'R' } });
    assert.deepEqual(
      data.attempt_log.map(({ at: _at, ...attempt }) => attempt),
      [
        { attempt: 1, outcome: 'retry', duration_ms: 25000, answer: 'no answer within 25 s' },
        { attempt: 2, outcome: 'delivered', duration_ms: 41, answer: 'the receiver answered 200: ok' },
      ],
    );
    assert.deepEqual((await fixture.send<DeliveryDetail>('get', `/deliveries/${id(2)}`)).data.attempt_log, []);
    assert.equal((await fixture.send('get', `/deliveries/${id(9)}`)).status, 404);
  });

  it('refuses what is no question', async () => {
    for (const [path, says] of [
      ['/deliveries?status=lost', /^status: got "lost"; allowed: pending, sent, dead, merged/],
      ['/deliveries?incident=1', /^incident: got "1"; allowed: an incident id, as a uuid/],
      ['/deliveries?since=yesterday', /^since: got "yesterday"; allowed: RFC 3339/],
      ['/deliveries?limit=1001', /^limit: got "1001"; allowed: a whole number, 1 to 1000/],
      ['/deliveries?reciever=pager', /^reciever: unknown; allowed: since, receiver, status, incident, limit, cursor/],
      ['/deliveries?cursor=WzFd', /^cursor: got "WzFd"/],
      ['/deliveries/1', /^id: got "1"; allowed: an id, as a uuid/],
    ] as const) {
      const { status, error } = await fixture.send('get', path);
      assert.equal(status, 400, path);
      assert.match(error ?? '', says);
    }
    assert.equal((await fixture.api.get('/deliveries')).status, 401);
  });
});
