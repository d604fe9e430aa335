// Which process evaluates which group: leases, their end, and rule sets that follow each other.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createAlerts } from '../../../src/alerts/alerts.ts';
import { commitSlot } from '../../../src/alerts/commit.ts';
import type { Evaluator } from '../../../src/alerts/evaluator.ts';
import type { GroupLease } from '../../../src/alerts/group-leases.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { silentLogger } from '../../../src/logger.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { NO_RECEIVERS } from '../../support/receivers.ts';
import { waitFor } from '../../support/wait-for.ts';

const rulesOf = (...names: readonly string[]): readonly RuleGroup[] =>
  parseRules(
    JSON.stringify({
      groups: names.map((name) => ({
        name,
        every: '1s',
        rules: [{ alert: 'Any', query: `select 'a' as name, 1 as value`, fire_when: 'value > 0' }],
      })),
    }),
  );
const oldRules = () => rulesOf('a', 'b');
const newRules = () => rulesOf('a', 'c');
/** After all that is due meanwhile: a slot is newer than those that a pass commits. */
const FIRST_SLOT_MS = Math.floor(Date.now() / 1000) * 1000 + 86_400_000;

/** As on a machine whose clock is wrong. */
async function withClockOff<T>(offMs: number, work: () => Promise<T>): Promise<T> {
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...given: [] | [string | number]) {
      super(...((given.length === 0 ? [RealDate.now() + offMs] : given) as [number]));
    }
    static override now(): number {
      return RealDate.now() + offMs;
    }
  } as DateConstructor;
  try {
    return await work();
  } finally {
    globalThis.Date = RealDate;
  }
}

describe('leases of groups', function () {
  this.timeout(90_000);
  let fixture: AlertsFixture;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
  });
  afterEach(() => fixture.close());

  const create = (groups = oldRules(), ruleSet = 'shop'): Evaluator =>
    fixture.createEvaluator(groups, { ruleSet, evaluatorId: randomUUID() });
  const groupOf = (groups: readonly RuleGroup[], name: string) =>
    groups.find((group) => group.name === name) ?? assert.fail(`no group ${name}`);
  /** Whether an evaluator gets the next slot of a group. */
  let slots = 0;
  const evaluates = async (evaluator: Evaluator, groups: readonly RuleGroup[], name: string) => {
    const slot = { slotMs: FIRST_SLOT_MS + 1000 * slots++, isPartial: false, missed: 0 };
    return (await evaluator.evaluateGroup(groupOf(groups, name), slot)) !== undefined;
  };
  /** As if every evaluator had been silent for so long. */
  const letSecondsPass = (seconds: number) =>
    fixture.database.none(`update keepwatch.alert_evaluator set lease_until = lease_until - $1 * interval '1 second'`, seconds);

  it('belong to the first that comes, for as long as it lives', async () => {
    const [first, second] = [create(), create()];
    assert.equal((await first.run()).committed, 2);
    await fixture.database.none(`update keepwatch.alert_group set last_slot = last_slot - interval '1 minute'`);
    assert.equal((await second.run()).committed, 0);
    assert.ok((await first.run()).committed > 0);
  });

  it('are looked for every 2.5 s by who stands by, with one statement, whatever there is to evaluate', async () => {
    assert.equal((await create().run()).committed, 2);
    let asked = 0;
    const database = new Proxy(fixture.database, {
      get(target, key, receiver) {
        if (['one', 'oneOrNone', 'none', 'any', 'multi', 'tx'].includes(String(key))) asked++;
        return Reflect.get(target, key, receiver) as unknown;
      },
    });
    const standby = fixture.createEvaluator(oldRules(), { ruleSet: 'shop', evaluatorId: randomUUID(), database });
    await standby.run();
    asked = 0;
    const endsAtMs = performance.now() + 6000;
    const isOver = async () => {
      await standby.run();
      return performance.now() >= endsAtMs;
    };
    await waitFor(isOver, { timeoutMs: 30_000 });
    assert.ok(asked >= 1 && asked <= 2, `${asked} statements in 6 s`);
  });

  it('go to another when they are over, and fence who had them', async () => {
    const [first, second] = [create(), create()];
    assert.equal(await evaluates(first, oldRules(), 'a'), true);
    assert.equal(await evaluates(second, oldRules(), 'a'), false);
    await letSecondsPass(10);
    assert.equal(await evaluates(second, oldRules(), 'a'), true);
    assert.equal(await evaluates(first, oldRules(), 'a'), false, 'it was frozen, and does not know');
  });

  it('fence what was begun before another had them, also in the hands of who has them again', async () => {
    const [first, second] = [create(), create()];
    const group = groupOf(oldRules(), 'a');
    assert.equal(await evaluates(first, oldRules(), 'a'), true);
    const lease = await fixture.database.one<GroupLease>(
      `select evaluator_id as "evaluatorId", epoch::float8 as epoch from keepwatch.alert_group where group_name = 'a'`,
    );
    await first.release();
    assert.equal(await evaluates(second, oldRules(), 'a'), true);
    await second.release();
    await fixture.database.none(`update keepwatch.alert_group set evaluator_id = $<evaluatorId>, epoch = epoch + 1`, lease);
    const commit = async (epoch: number) => {
      const { database, rulesDatabase } = fixture;
      const to = { receivers: [], destinationsOf: () => [] };
      const options = { database, rulesDatabase, ...to, lease: { ...lease, epoch } };
      const slot = { slotMs: FIRST_SLOT_MS + 1000 * slots++, isPartial: false, missed: 0 };
      return (await commitSlot(group, slot, [], options)) !== undefined;
    };
    assert.deepEqual([await commit(lease.epoch), await commit(lease.epoch + 1)], [false, false], 'epochs that are over');
    assert.equal(await commit(lease.epoch + 2), true);
  });

  for (const offMs of [-3_600_000, 3_600_000])
    it(`last as long as the database says, when the clock of a process is off by ${offMs / 60_000} minutes`, async () => {
      const [first, second] = [create(), create()];
      await withClockOff(offMs, async () => {
        assert.equal(await evaluates(first, oldRules(), 'a'), true);
        const left = await fixture.database.one<{ seconds: number }>(
          'select extract(epoch from lease_until - clock_timestamp())::float8 as seconds from keepwatch.alert_evaluator',
        );
        assert.ok(Math.abs(left.seconds) < 60, `${left.seconds} s`);
      });
      await letSecondsPass(10);
      assert.equal(await withClockOff(-offMs, () => evaluates(second, oldRules(), 'a')), true, 'nor of the one that takes over');
    });

  it('are held by who was silent, when nobody took them', async () => {
    const first = create();
    assert.equal(await evaluates(first, oldRules(), 'a'), true);
    await letSecondsPass(10);
    await first.run();
    assert.equal(await evaluates(first, oldRules(), 'a'), true);
  });

  it('go to another at once when a process stops', async () => {
    const [first, second] = [create(), create()];
    assert.equal(await evaluates(first, oldRules(), 'a'), true);
    await first.release();
    assert.equal(await evaluates(second, oldRules(), 'a'), true);
  });

  it('go to newer rules at once, and to older ones only when nobody has had the newest for 30 s', async () => {
    const [older, newer] = [create(oldRules()), create(newRules())];
    assert.equal(await evaluates(older, oldRules(), 'a'), true);
    assert.equal(await evaluates(newer, newRules(), 'a'), true, 'the newer rules are the generation');
    await older.run();
    assert.equal(await evaluates(older, oldRules(), 'a'), false);
    assert.equal(await evaluates(older, oldRules(), 'b'), false, 'not even a group that only the older rules have');
    await letSecondsPass(20);
    assert.equal(await evaluates(create(oldRules()), oldRules(), 'a'), false, 'a restart of the newer process takes less');
    await letSecondsPass(20);
    assert.equal(await evaluates(create(oldRules()), oldRules(), 'a'), true, 'the deployment was taken back');
    assert.deepEqual(
      await fixture.database.any(
        `select generation::int, groups from keepwatch.alert_rule_set where name = 'shop' order by generation`,
      ),
      [
        { generation: 2, groups: ['a', 'c'] },
        { generation: 3, groups: ['a', 'b'] },
      ],
    );
  });

  it('are shared by services that have the same group, and apart for others', async () => {
    const [shop, mail] = [create(oldRules(), 'shop'), create(newRules(), 'mail')];
    assert.equal(await evaluates(shop, oldRules(), 'a'), true);
    assert.equal(await evaluates(mail, newRules(), 'a'), false, 'the shop has it');
    assert.equal(await evaluates(mail, newRules(), 'c'), true);
    assert.equal(await evaluates(shop, oldRules(), 'b'), true);
    await shop.release();
    await mail.run();
    assert.equal(await evaluates(mail, newRules(), 'a'), true);
  });

  it('are kept by who takes longer than a lease to evaluate', async () => {
    const slow = parseRules(
      JSON.stringify({
        groups: [
          {
            name: 'slow',
            every: '1s',
            rules: [1, 2].map((number) => ({
              alert: `Slow${number}`,
              query: 'select count(*) as value from generate_series(1, 1000000000000) as endless',
              fire_when: 'value > 1e15',
            })),
          },
        ],
      }),
    );
    const replicas = [1, 2].map(() =>
      createAlerts({
        database: fixture.database,
        rulesDatabase: fixture.rulesDatabase,
        groups: slow,
        problems: [],
        receivers: NO_RECEIVERS,
        cron: '* * * * * *',
        logger: silentLogger,
      }),
    );
    try {
      await Promise.all(replicas.map((alerts) => alerts.start()));
      const committed = () => fixture.database.oneOrNone('select from keepwatch.alert_evaluation limit 1');
      await waitFor(async () => (await committed()) !== null, {
        timeoutMs: 60_000,
        what: 'a slot of two queries that are ended after 5 s',
      });
    } finally {
      await Promise.all(replicas.map((alerts) => alerts.stop()));
    }
    assert.deepEqual(await fixture.database.any('select epoch::int from keepwatch.alert_group'), [{ epoch: 1 }]);
  });

  it('are taken once by twenty that come together', async () => {
    const evaluators = Array.from({ length: 20 }, () => create());
    const committed = await Promise.all(evaluators.map((evaluator) => evaluates(evaluator, oldRules(), 'a')));
    assert.ok(committed.filter(Boolean).length >= 1);
    const { holders, epochs } = await fixture.database.one<{ holders: number; epochs: number }>(
      `select count(distinct evaluator_id)::int as holders, max(epoch)::int as epochs from keepwatch.alert_group where group_name = 'a'`,
    );
    assert.deepEqual({ holders, epochs }, { holders: 1, epochs: 1 });
  });
});
