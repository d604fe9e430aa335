// What the outbox owes to receivers and to people: no more than a receiver takes, nothing lost while it is down, and a word to somebody else when messages
// are given up. On real Postgres, in time that passes at once.
import assert from 'node:assert/strict';
import { Outbox, type OutboxOptions } from '../../../src/alerts/outbox.ts';
import type { Delivery } from '../../../src/alerts/receivers/notifier.ts';
import type { Database } from '../../../src/db/database.ts';
import { silentLogger } from '../../../src/logger.ts';
import { openDelivery } from '../../support/delivery.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { passTime } from '../../support/postgres-delivery.ts';

const MINUTE = 60_000;
const DELIVERED: Delivery = { outcome: 'delivered', answer: 'taken' };

describe('delivery', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let database: Database;
  beforeEach(async () => {
    test = await createTestDatabase();
    database = test.database;
  });
  afterEach(() => test.drop());

  const open = (options: Partial<OutboxOptions> = {}) => {
    const sent: string[] = [];
    const outbox = new Outbox({
      ...{ database, receivers: ['pager', 'mail'], logger: silentLogger, random: () => 0.5 },
      send: async (receiver, { payload }) => {
        sent.push(`${receiver} ${payload.labels['name'] ?? payload.labels['alertname']} ${payload.status}`);
        return DELIVERED;
      },
      ...options,
    });
    return { outbox, sent };
  };
  const fireMany = async (count: number) => {
    const site = openDelivery(database, { isSent: false });
    for (let index = 0; index < count; index++) await site.fire({ name: `n${index}` });
    await site.pass(0);
    return site;
  };

  it('sends no more than a receiver takes, by all processes together', async () => {
    await fireMany(20);
    const paceOf = () => ({ perSecond: 2, burst: 3 });
    const processes = [open({ paceOf }), open({ paceOf })];
    const total = () => processes.reduce((sum, { sent }) => sum + sent.length, 0);
    const startedAt = performance.now();
    const deliver = () => Promise.all(processes.map(({ outbox }) => outbox.deliver(['pager'])));
    await deliver();
    await passTime(database, 2000);
    await deliver();
    const most = 3 + Math.ceil(2 * (2 + (performance.now() - startedAt) / 1000));
    assert.ok(total() >= 6 && total() <= most, `${total()} sent, ${most} allowed`);
  });

  it('leaves a receiver alone for as long as it asks, with all messages', async () => {
    await fireMany(3);
    let asked = 0;
    const { outbox } = open({
      send: async () => {
        asked++;
        return { outcome: 'retry', answer: 'slow down', afterMs: 60_000 };
      },
      atOnceOf: () => 1,
    });
    await outbox.deliver(['pager']);
    await outbox.deliver(['pager']);
    assert.equal(asked, 1);
    await passTime(database, 61_000);
    await outbox.deliver(['pager']);
    assert.equal(asked, 2);
  });

  it('keeps what happened while a receiver was down for an hour, and tells it in order', async () => {
    const site = openDelivery(database, { isSent: false });
    let isDown = true;
    const sent: string[] = [];
    const { outbox } = open({
      send: async (_receiver, { payload }) => {
        if (isDown) return { outcome: 'retry', answer: 'down' };
        const alerts = payload.together?.alerts ?? [];
        sent.push(alerts.map(({ labels, status }) => `${labels['name']} ${status}`).join(', '));
        return DELIVERED;
      },
      atOnceOf: () => 1,
    });
    const deliver = () => outbox.deliver(['pager']);
    await site.fire({ name: 'a' });
    await site.pass(0);
    for (let minute = 0; minute < 60; minute += 5) {
      await deliver();
      if (minute === 20) await site.fire({ name: 'b' });
      if (minute === 40) await site.resolve({ name: 'a' });
      await site.pass(5 * MINUTE);
    }
    isDown = false;
    for (let turn = 0; turn < 5; turn++) {
      await deliver();
      await passTime(database, 5 * MINUTE);
    }
    assert.deepEqual(sent, ['b firing', 'a resolved'], 'the end of a, which nobody heard of, tells both');
    const statuses = await database.any<{ status: string; count: number }>(
      'select status, count(*)::integer as count from keepwatch.notification_outbox group by status order by status',
    );
    assert.deepEqual(statuses, [
      { status: 'merged', count: 1 },
      { status: 'sent', count: 2 },
    ]);
  });

  it('tells another receiver, once an hour, that messages are given up', async () => {
    await fireMany(3);
    const refuse = async (receiver: string): Promise<Delivery> =>
      receiver === 'pager' ? { outcome: 'refused', answer: 'answered 404' } : DELIVERED;
    const told: string[] = [];
    const { outbox } = open({
      failuresTo: (receiver) => (receiver === 'pager' ? 'mail' : undefined),
      send: async (receiver, { payload }) => {
        if (receiver === 'mail') told.push(`${payload.labels['alertname']} ${payload.annotations['description']}`);
        return refuse(receiver);
      },
    });
    await outbox.deliver(['pager', 'mail']);
    await outbox.deliver(['mail']);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /^NotificationsDead The first of this hour was about Alert: answered 404$/);
  });

  it('tells it too of what has expired while nobody could send it', async () => {
    await fireMany(2);
    await passTime(database, 25 * 60 * MINUTE);
    const { outbox, sent } = open({ failuresTo: () => 'mail' });
    await outbox.deliver(['pager', 'mail']);
    await outbox.deliver(['mail']);
    assert.deepEqual(sent, ['mail NotificationsDead firing']);
  });

  it('keeps what became of each attempt', async () => {
    await fireMany(1);
    const answers: Delivery[] = [{ outcome: 'retry', answer: 'busy' }, { outcome: 'unknown', answer: 'lost' }, DELIVERED];
    const { outbox } = open({ send: async () => answers.shift() ?? DELIVERED });
    for (let attempt = 1; attempt <= 3; attempt++) {
      await outbox.deliver(['pager']);
      await passTime(database, MINUTE);
    }
    const attempts = await database.any('select attempt, outcome, answer from keepwatch.notification_attempt order by attempt');
    assert.deepEqual(attempts, [
      { attempt: 1, outcome: 'retry', answer: 'busy' },
      { attempt: 2, outcome: 'unknown', answer: 'lost' },
      { attempt: 3, outcome: 'delivered', answer: 'taken' },
    ]);
  });
});
