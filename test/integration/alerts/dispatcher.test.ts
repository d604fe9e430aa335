// Groups on real Postgres, in time that passes at once: what is told when, and what is not.
import assert from 'node:assert/strict';
import type { Database } from '../../../src/db/database.ts';
import { openDelivery } from '../../support/delivery.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { passTime } from '../../support/postgres-delivery.ts';

const SECOND = 1000;
const MINUTE = 60_000;
const ROUTE = { receiver: 'pager', group_by: ['alertname'], group_wait: '30s', group_interval: '5m', repeat_interval: '4h' };

describe('groups of alerts', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let database: Database;
  beforeEach(async () => {
    test = await createTestDatabase();
    database = test.database;
  });
  afterEach(() => test.drop());
  const count = async (table: string) =>
    (await database.one<{ count: number }>(`select count(*)::integer as count from keepwatch.${table}`)).count;
  const acknowledge = () =>
    database.none(
      `insert into keepwatch.alert_acknowledgement (incident_id, acknowledged_by) select distinct incident_id, 'ann' from keepwatch.notification_member`,
    );

  it('without routes are one alert each, told at once, and never repeated', async () => {
    const { fire, resolve, pass, messages } = openDelivery(database);
    await fire({ name: 'a' });
    await fire({ name: 'b' });
    await resolve({ name: 'a' });
    await pass(0);
    const told = [
      'pager: firing a (first notification) merged',
      'pager: firing b (first notification)',
      'pager: resolved a (all alerts resolved)',
    ];
    assert.deepEqual((await messages()).sort(), [...told].sort());
    await pass(30 * 24 * 60 * MINUTE);
    assert.equal((await messages()).length, 3);
    await resolve({ name: 'b' });
    await pass(0);
    assert.deepEqual(
      [await count('notification_group'), await count('notification_member'), await count('notification_change')],
      [0, 0, 0],
    );
  });

  it('wait, gather, repeat what still fires, and are gone when all is over', async () => {
    const { fire, resolve, pass, messages } = openDelivery(database, { route: ROUTE });
    await fire({ name: 'a' });
    await pass(0);
    assert.deepEqual(await messages(), []);
    await fire({ name: 'b' });
    await pass(31 * SECOND);
    await fire({ name: 'c' });
    await pass(MINUTE);
    assert.equal((await messages()).length, 1);
    await pass(5 * MINUTE);
    await resolve({ name: 'a' });
    await pass(5 * MINUTE);
    await pass(4 * 60 * MINUTE + 5 * MINUTE);
    await resolve({ name: 'b' });
    await resolve({ name: 'c' });
    await pass(5 * MINUTE);
    assert.deepEqual(await messages(), [
      'pager: firing a b (first notification)',
      'pager: firing a b c (new alerts added)',
      'pager: firing b c, resolved a (some alerts resolved)',
      'pager: firing b c (repeat interval elapsed)',
      'pager: resolved b c (all alerts resolved)',
    ]);
    assert.equal(await count('notification_group'), 0);
  });

  it('tell a severity that rises, and what latches once', async () => {
    const { fire, pass, messages } = openDelivery(database, { route: { ...ROUTE, repeat_interval: '1h' } });
    await fire({ name: 'a' }, { isLatched: true });
    await pass(31 * SECOND);
    await pass(10 * 60 * MINUTE);
    await fire({ name: 'a' }, { isLatched: true, mark: 'firing:2' });
    await pass(5 * MINUTE);
    assert.deepEqual(await messages(), ['pager: firing a (first notification)', 'pager: firing a (new alerts added)']);
  });

  it('tell the next level of an escalation what nobody has acknowledged, and not what somebody has', async () => {
    const options = {
      receivers: ['pager', 'lead', 'boss'],
      route: { ...ROUTE, group_by: ['name'], group_wait: '0s', escalation: 'up' },
      escalations: [
        {
          name: 'up',
          levels: [
            { receiver: 'lead', after: '10m' },
            { receiver: 'boss', after: '30m' },
          ],
        },
      ],
    };
    const { fire, resolve, pass, messages } = openDelivery(database, options);
    await fire({ name: 'a' });
    await pass(0);
    await pass(10 * MINUTE);
    assert.deepEqual(await messages(), ['pager: firing a (first notification)', 'lead: firing a (first notification)']);
    await acknowledge();
    await pass(30 * MINUTE);
    await pass(5 * 60 * MINUTE);
    assert.equal((await messages()).length, 2, 'neither the boss, nor a repetition');
    await resolve({ name: 'a' });
    await pass(5 * MINUTE);
    assert.deepEqual((await messages()).slice(2).sort(), [
      'lead: resolved a (all alerts resolved)',
      'pager: resolved a (all alerts resolved)',
    ]);
  });

  it('go on where an acknowledgement ends before the incident', async () => {
    const { fire, pass, messages } = openDelivery(database, { route: { ...ROUTE, repeat_interval: '1h' } });
    await fire({ name: 'a' });
    await pass(31 * SECOND);
    await acknowledge();
    await database.none(`update keepwatch.alert_acknowledgement set until = now() + interval '3 hours'`);
    await pass(2 * 60 * MINUTE);
    assert.equal((await messages()).length, 1);
    await pass(60 * MINUTE);
    await pass(60 * MINUTE);
    assert.deepEqual((await messages()).slice(1), ['pager: firing a (repeat interval elapsed)']);
  });

  it('are told of what flaps once, and again when it is quiet', async () => {
    const { fire, resolve, pass, messages } = openDelivery(database, { flapDamping: { changes: 4, slots: 20 } });
    const now = () => database.none(`update keepwatch.notification_change set slot = now()`);
    for (let turn = 0; turn < 5; turn++) {
      await fire({ name: 'a' });
      await now();
      await pass(MINUTE);
      await resolve({ name: 'a' });
      await now();
      await pass(MINUTE);
    }
    const told = [
      'pager: firing a (first notification)',
      'pager: resolved a (all alerts resolved)',
      'pager: firing a (first notification)',
    ];
    const first = await messages();
    assert.deepEqual(
      first.slice(0, 3).map((text) => text.replace('new alerts added', 'first notification')),
      told,
    );
    assert.equal(first.length, 4, 'the fourth says that it flaps');
    const [last] = await database.any<{ text: string }>(
      `select payload -> 'annotations' ->> 'flapping' as text from keepwatch.notification_outbox order by created_at desc, version desc limit 1`,
    );
    assert.match(last?.text ?? '', /you hear of it again when it is quiet/);
    await pass(21 * MINUTE);
    assert.deepEqual((await messages()).slice(4), ['pager: resolved a (all alerts resolved)']);
    await pass(21 * MINUTE);
    assert.equal(await count('notification_member'), 0);
  });

  it('are merged into one message while a receiver takes none', async () => {
    const { fire, resolve, pass, messages } = openDelivery(database, { route: { ...ROUTE, group_wait: '0s' }, isSent: false });
    await fire({ name: 'a' });
    await fire({ name: 'b' });
    await pass(0);
    await resolve({ name: 'a' });
    await pass(5 * MINUTE);
    await fire({ name: 'c' });
    await pass(5 * MINUTE);
    assert.deepEqual(await messages(), [
      'pager: firing a b (first notification) merged',
      'pager: firing b, resolved a (some alerts resolved) merged',
      'pager: firing b c, resolved a (new alerts added)',
    ]);
  });

  it('keep the end of one conversation apart from the next one, while a receiver takes none', async () => {
    const { fire, resolve, pass, messages } = openDelivery(database, { isSent: false });
    await fire({ name: 'a' });
    await pass(0);
    await database.none(`update keepwatch.notification_outbox set status = 'sent'`);
    await resolve({ name: 'a' });
    await pass(MINUTE);
    await database.none(`update keepwatch.notification_member set incident_id = gen_random_uuid()`);
    await fire({ name: 'a' }, { incident: 2 });
    await pass(MINUTE);
    assert.deepEqual(await messages(), [
      'pager: firing a (first notification)',
      'pager: resolved a (all alerts resolved)',
      'pager: firing a (first notification)',
    ]);
  });

  it('are given up in time, however often they are told again, and say what replaced them', async () => {
    const { fire, pass } = openDelivery(database, { route: { ...ROUTE, repeat_interval: '1h' }, isSent: false });
    await fire({ name: 'a' });
    await pass(31 * SECOND);
    for (let hour = 0; hour < 5; hour++) await pass(65 * MINUTE);
    const [row] = await database.any<{ merged: number; left: number }>(
      `select (select count(*)::integer from keepwatch.notification_outbox where merged_into is not null) as merged,
         (select extract(epoch from expires_at - now())::float8 / 3600 from keepwatch.notification_outbox where status = 'pending') as left`,
    );
    assert.ok((row?.merged ?? 0) >= 4);
    assert.ok((row?.left ?? 24) < 24 - 4, `${row?.left} hours left`);
  });

  it('tell an alert again that flapped and fires for good', async () => {
    const { fire, resolve, pass, messages } = openDelivery(database, { flapDamping: { changes: 4, slots: 20 } });
    for (let turn = 0; turn < 2; turn++) {
      await fire({ name: 'a' });
      await pass(MINUTE);
      await resolve({ name: 'a' });
      await pass(MINUTE);
    }
    await fire({ name: 'a' });
    await pass(0);
    const before = (await messages()).length;
    await pass(25 * MINUTE);
    assert.deepEqual((await messages()).slice(before), ['pager: firing a (new alerts added)']);
  });

  it('escalate an alert when it has fired for as long as the level waits, though its group was there', async () => {
    const { fire, pass, messages } = openDelivery(database, {
      receivers: ['pager', 'lead'],
      route: { ...ROUTE, group_wait: '0s', group_interval: '1m', escalation: 'up' },
      escalations: [{ name: 'up', levels: [{ receiver: 'lead', after: '15m' }] }],
    });
    const toLead = async () => (await messages()).filter((text) => text.startsWith('lead'));
    await fire({ name: 'a' });
    await pass(14 * MINUTE);
    await fire({ name: 'b' });
    await pass(2 * MINUTE);
    assert.deepEqual(await toLead(), ['lead: firing a (first notification)']);
    await pass(14 * MINUTE);
    assert.deepEqual((await toLead()).slice(1), ['lead: firing a b (new alerts added)']);
  });

  it('leave nothing behind when an alert is forgotten, or its receiver is gone', async () => {
    const { fire, resolve, pass } = openDelivery(database, { receivers: ['pager'] });
    await fire({ name: 'a' });
    await pass(0);
    await resolve({ name: 'a' });
    const other = openDelivery(database, { receivers: ['mail'] });
    await other.pass(8 * 24 * 60 * MINUTE);
    const third = openDelivery(database, { receivers: ['mail'] });
    await third.pass(0);
    assert.deepEqual([await count('notification_group'), await count('notification_member')], [0, 0]);
  });

  it('are told to an Alertmanager again every minute, and what is over for a quarter of an hour', async () => {
    const { fire, resolve, pass, messages } = openDelivery(database, { kind: 'alertmanager' });
    await fire({ name: 'a' });
    await pass(0);
    await pass(61 * SECOND);
    await resolve({ name: 'a' });
    await pass(0);
    for (let minute = 0; minute < 20; minute++) await pass(61 * SECOND);
    const told = await messages();
    assert.deepEqual(told[0], 'pager: firing a (first notification)');
    assert.ok(told.includes('pager: resolved a (all alerts resolved)'));
    assert.deepEqual(told.at(-1), 'pager: resolved a (repeat interval elapsed)');
    assert.ok(told.length <= 4, 'what was sent again and arrived is not kept');
    assert.equal(await count('notification_group'), 0);
  });

  it('are told to an Alertmanager though they are silenced here, so that it takes none for over', async () => {
    const { fire, pass, messages } = openDelivery(database, { kind: 'alertmanager' });
    await fire({ name: 'a' });
    await pass(0);
    await database.none(
      `insert into keepwatch.alert_silence (matchers, starts_at, ends_at, created_by, comment)
       values ('[{"name": "name", "value": "a", "isRegex": false, "isEqual": true}]', now(), now() + interval '1 day', 'ann', 'deploy')`,
    );
    await pass(61 * SECOND);
    await pass(61 * SECOND);
    assert.equal((await messages()).at(-1), 'pager: firing a (repeat interval elapsed)');
  });

  it('of a storm are one digest, which names the top causes within a minute', async () => {
    const { fire, resolve, pass } = openDelivery(database, { kind: 'slack', digestOver: () => 10 });
    for (let index = 0; index < 60; index++) await fire({ alertname: index < 50 ? 'HighErrorRate' : 'Slow', name: `n${index}` });
    await pass(0);
    const rows = await database.any<{
      kind: string;
      count: number;
      payload: { annotations: { summary: string }; value: number };
    }>(
      `select kind, count(*)::integer as count, (array_agg(payload order by created_at desc))[1] as payload
       from keepwatch.notification_outbox group by kind order by kind`,
    );
    assert.deepEqual(
      rows.map(({ kind, count: many }) => [kind, many]),
      [
        ['alerts', 10],
        ['digest', 1],
      ],
    );
    assert.match(rows[1]?.payload.annotations.summary ?? '', /^50 alerts began and 0 ended .*HighErrorRate \d+, Slow 10/);
    const [told] = await database.any<{ labels: { alertname: string; name: string } }>(
      `select payload -> 'labels' as labels from keepwatch.notification_outbox where kind = 'alerts'`,
    );
    await resolve(told?.labels ?? {});
    await pass(2 * MINUTE);
    const [last] = await database.any<{ reason: string }>(
      'select reason from keepwatch.notification_outbox order by created_at desc limit 1',
    );
    assert.equal(last?.reason, 'resolved');
  });

  it('with many alerts are looked at some at a time, so that memory is bounded', async () => {
    const { fire, pass, messages } = openDelivery(database, { route: ROUTE });
    for (let index = 0; index < 26; index++) await fire({ alertname: `Alert${index}`, name: 'a' });
    await pass(0);
    await database.none(
      `insert into keepwatch.notification_member
       select (jsonb_populate_record(member, jsonb_build_object('fingerprint', '\\x' || encode(sha256((n || rule_uid)::bytea), 'hex')))).*
       from keepwatch.notification_member as member, generate_series(1, 999) as n`,
    );
    await pass(31 * SECOND);
    const looks = await database.any<{ members: number }>(
      `select count(*)::integer as members from keepwatch.notification_group join keepwatch.notification_member using (group_key)
       where told = 'firing' group by flushed_at order by flushed_at`,
    );
    assert.deepEqual(
      looks.map(({ members }) => members),
      [10_000, 10_000, 6000],
    );
    assert.equal((await messages()).length, 26);
  });

  it('are put into the outbox once, however many dispatch at the same time', async () => {
    const sites = [1, 2, 3].map(() => openDelivery(database, { route: { ...ROUTE, group_by: ['name'] } }));
    for (let index = 0; index < 50; index++) await sites[0]?.fire({ name: `n${index}` });
    await sites[0]?.pass(0);
    await passTime(database, 31 * SECOND);
    await Promise.all(sites.map(({ dispatcher }) => dispatcher.dispatch()));
    await sites[0]?.pass(0);
    assert.equal(await count('notification_outbox'), 50);
  });
});
