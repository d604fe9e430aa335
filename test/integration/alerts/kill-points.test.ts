// A process that evaluates, dispatches and sends dies at every await in turn, and another goes on: nothing is lost, nothing comes twice to who drops what
// it has seen, and to others at most one message twice, marked as that. KILL_SEEDS: how many histories; each dies at each point.
import assert from 'node:assert/strict';
import { createDestinations } from '../../../src/alerts/delivery/destination.ts';
import { Dispatcher } from '../../../src/alerts/delivery/dispatcher.ts';
import { Evaluator } from '../../../src/alerts/evaluator.ts';
import { Outbox } from '../../../src/alerts/outbox.ts';
import type { OutboxMessage } from '../../../src/alerts/receivers/notifier.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createRoutes } from '../../../src/routing/route.ts';
import { type AlertsFixture, openAlertsFixture } from '../../support/alerts.ts';
import { Killed, KillPoint, killable } from '../../support/kill-points.ts';
import { passTime } from '../../support/postgres-delivery.ts';
import { groupOf, NO_ANSWER, selectRows } from '../../support/rule-inputs.ts';

const SEEDS = Number(process.env['KILL_SEEDS'] ?? 1);
const MINUTE = 60_000;
/** Longer than a history takes, however busy the machine is: what is due when is up to the test. */
const GROUP_INTERVAL_MS = 5 * MINUTE;
const START = Math.floor((Date.now() - 3_600_000) / MINUTE) * MINUTE;
const RECEIVERS = [
  { name: 'hook', kind: 'webhook' },
  { name: 'chat', kind: 'webhook' },
] as const;
const TABLES = [
  'alert_group',
  'alert_evaluator',
  'alert_rule_set',
  'alert_instance',
  'alert_transition',
  'alert_evaluation',
  'notification_outbox',
]
  .concat(['notification_attempt', 'notification_change', 'notification_group', 'notification_member', 'notification_pace'])
  .map((name) => `keepwatch.${name}`);

/** What waits to be told: changes in no group, alerts that their receiver knows another thing of, messages that nobody has sent. */
const COUNT_UNTOLD = `select (select count(*) from keepwatch.notification_change)::integer as changes,
  (select count(*) from keepwatch.notification_member where told is distinct from case when is_firing then 'firing' else 'resolved' end)::integer as alerts,
  (select count(*) from keepwatch.notification_outbox where status = 'pending')::integer as messages`;

/** What arrived, in order. */
interface Arrival {
  readonly receiver: string;
  readonly id: string;
  readonly text: string;
  readonly isMarked: boolean;
}

interface History {
  /** What the rule gives in each slot: values by series, or an error. */
  readonly slots: readonly (readonly number[] | 'error')[];
  readonly isGrouped: boolean;
}

describe('delivery, when its process dies', function () {
  this.timeout(600_000 * SEEDS);
  let fixture: AlertsFixture;
  before(async () => {
    fixture = await openAlertsFixture();
  });
  after(() => fixture.close());

  /** Evaluates, dispatches and sends a slot. @throws Killed */
  const work = async (
    group: RuleGroup,
    slot: number,
    { history, point, arrived }: { history: History; point: KillPoint; arrived: Arrival[] },
  ) => {
    const database = killable(fixture.database, point);
    const names = RECEIVERS.map(({ name }) => name);
    const route = history.isGrouped
      ? createRoutes({
          receiver: 'hook',
          groupBy: ['alertname'],
          groupWaitMs: 0,
          groupIntervalMs: GROUP_INTERVAL_MS,
          routes: [{ continue: true }, { receiver: 'chat' }],
        })
      : undefined;
    const destinationsOf = createDestinations({ receivers: RECEIVERS, route });
    const errors: unknown[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => void errors.push(fields) };
    const evaluator = new Evaluator({
      ...{
        database,
        rulesDatabase: killable(fixture.rulesDatabase, point),
        groups: [group],
        receivers: names,
        logger: silentLogger,
      },
      ...{ destinationsOf, evaluatorId: '4d0b6b6e-0000-4000-8000-000000000001' },
    });
    const dispatcher = new Dispatcher({ database, receivers: names, logger, maxDeliveryAgeMs: 86_400_000 });
    const send = (receiver: string, message: OutboxMessage) =>
      point.pass('send', async () => {
        arrived.push({ receiver, id: message.id, text: textOf(message), isMarked: message.maybe_sent });
        return { outcome: 'delivered' as const, answer: 'taken' };
      });
    const outbox = new Outbox({
      database,
      receivers: names,
      logger,
      send,
      firstDelayMs: 1,
      atOnceOf: (name) => (name === 'chat' ? 1 : 4),
    });
    await evaluator.evaluateGroup(group, { slotMs: START + slot * MINUTE, isPartial: false, missed: 0 });
    await dispatcher.dispatch();
    await outbox.deliver(names);
    if (history.isGrouped) {
      // News of a group that was told before waits for its interval.
      await passTime(fixture.database, GROUP_INTERVAL_MS);
      await dispatcher.dispatch();
      await outbox.deliver(names);
    }
    if (point.isDead) throw new Killed();
    assert.deepEqual(errors, []);
  };

  /** @returns what arrived, and the points there are */
  const play = async (history: History, point: KillPoint): Promise<{ arrived: Arrival[]; lives: number }> => {
    // Faster than to truncate what is as good as empty.
    await fixture.database.none(TABLES.map((table) => `delete from ${table}`).join('; '));
    const arrived: Arrival[] = [];
    let lives = 1;
    for (const [slot, given] of history.slots.entries()) {
      const rows =
        given === 'error' ? NO_ANSWER : selectRows(given.map((value, index) => ({ name: 'abc'.charAt(index), value })));
      const group = groupOf({
        query: rows,
        for: '0s',
        on_error: { policy: 'alert', after: '0s' },
        notify: history.isGrouped ? undefined : ['hook', 'chat'],
      });
      try {
        await work(group, slot, { history, point, arrived });
      } catch (error) {
        if (!(error instanceof Killed) && !point.isDead) throw error;
        lives++;
        // Leases of the dead are over after a while.
        await fixture.database.none(
          `update keepwatch.alert_evaluator set lease_until = now() - interval '1 minute';
           update keepwatch.notification_outbox set lease_until = now() - interval '1 second' where lease_until is not null`,
        );
        await work(group, slot, { history, point: new KillPoint(), arrived });
      }
      await passTime(fixture.database, 2000);
    }
    const untold = await fixture.database.one<object>(COUNT_UNTOLD);
    assert.deepEqual(untold, { changes: 0, alerts: 0, messages: 0 }, 'nothing is left to be told');
    return { arrived, lives };
  };

  for (let seed = 1; seed <= SEEDS; seed++)
    for (const isGrouped of [false, true])
      it(`loses nothing at any await, history ${seed}, ${isGrouped ? 'in groups' : 'each alert alone'}`, async () => {
        const history = historyOf(seed, isGrouped);
        const calm = new KillPoint();
        const expected = (await play(history, calm)).arrived;
        assert.ok(expected.length > 3, 'there is something to tell');
        const points = calm.seen.length;
        assert.ok(points > 40 && calm.seen.includes('insert-changes.sql') && calm.seen.includes('send'));
        let died = 0;
        // To die before one of them is to die after the one before it.
        for (let at = 1; at <= points; at++) {
          const point = new KillPoint(at);
          const { arrived, lives } = await play(history, point);
          if (lives > 1) died++;
          check(expected, arrived, `dead after await ${at}, ${calm.seen[at - 1]}`);
        }
        assert.equal(died, points);
      });
});

function check(expected: readonly Arrival[], arrived: readonly Arrival[], where: string): void {
  for (const { name } of RECEIVERS) {
    const own = arrived.filter(({ receiver }) => receiver === name);
    const seen = new Set<string>();
    const first = own.filter(({ id }) => !seen.has(id) && seen.add(id));
    const texts = (of: readonly Arrival[]) =>
      of
        .filter(({ receiver }) => receiver === name)
        .map(({ text }) => text)
        .sort();
    assert.deepEqual(texts(first), texts(expected), `${where}: ${name} hears of everything once, by its id`);
    const again = own.filter((arrival) => !first.includes(arrival));
    assert.ok(
      again.every(({ isMarked }) => isMarked),
      `${where}: what comes twice is marked`,
    );
    assert.ok(name === 'hook' || again.length <= 1, `${where}: one message at most comes twice to who cannot tell`);
  }
}

function textOf({ payload, reason }: OutboxMessage): string {
  const alerts = payload.together?.alerts ?? [payload];
  return `${reason}: ${alerts
    .map(({ status, labels, slot }) => `${labels['alertname']} ${labels['name'] ?? ''} ${status} ${slot}`)
    .sort()
    .join(', ')}`;
}

/** A short history with everything that is told of, or a long one made up of it. */
function historyOf(seed: number, isGrouped: boolean): History {
  if (SEEDS === 1) return { slots: [[20, 0, 0], 'error', [0, 20, 0]], isGrouped };
  let state = seed * 7919;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const slots = Array.from({ length: 5 }, () =>
    random() < 0.15 ? ('error' as const) : [0, 1, 2].map(() => (random() < 0.5 ? 20 : 0)),
  );
  return { slots: [[20, 0, 0], ...slots, [0, 0, 0]], isGrouped };
}
