// Groups that take long beside groups that do not: nobody waits for another, nothing is evaluated twice, and what has no time is an error.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../../../demo/random.ts';
import { type Alerts, createAlerts } from '../../../src/alerts/alerts.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { silentLogger } from '../../../src/logger.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { NO_RECEIVERS } from '../../support/receivers.ts';
import { rulesUrlOf } from '../../support/rules-role.ts';
import { waitFor } from '../../support/wait-for.ts';

const QUICK_GROUPS = 50;
const SEED = Number(process.env['PASSES_SEED'] ?? 1);
/** Counts for ever while the source named `slow` is there. */
const SWITCHED = `select case when exists (select from keepwatch.sources where instance = 'slow')
  then (select count(*) from generate_series(1, 1000000000000)) else 1 end as value`;

const groupsOf = (names: readonly string[], every: string, queries: readonly string[]): readonly RuleGroup[] =>
  parseRules(
    JSON.stringify({
      groups: names.map((name) => ({
        name,
        every,
        rules: queries.map((query, index) => ({ alert: `Rule${index}`, query, fire_when: 'value > 0', clear_when: 'value < 1' })),
      })),
    }),
  );
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `g${index}`);

describe('groups that take long', function () {
  this.timeout(120_000);
  let fixture: AlertsFixture;
  let rulesDatabase: Database;
  const running: Alerts[] = [];
  beforeEach(async () => {
    fixture = await openAlertsFixture();
    // As many connections as in production.
    rulesDatabase = createDatabase({ url: await rulesUrlOf(fixture.test), max: 4, applicationName: 'keepwatch rules' });
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((alerts) => alerts.stop()));
    await closeDatabase(rulesDatabase);
    await fixture.close();
  });

  const start = async (groups: readonly RuleGroup[]): Promise<Alerts> => {
    const alerts = createAlerts({
      database: fixture.database,
      rulesDatabase,
      groups,
      problems: [],
      receivers: NO_RECEIVERS,
      cron: '* * * * * *',
      logger: silentLogger,
    });
    running.push(alerts);
    await alerts.start();
    return alerts;
  };
  const turnSlow = () =>
    fixture.database.none(
      `insert into keepwatch.sources (source_id, service, instance, started_at, low_watermark, closed) values (1, 'x', 'slow', now(), now(), true)`,
    );
  const slotsOf = async (group: string) =>
    (
      await fixture.database.one<{ slots: number }>(
        'select count(distinct slot)::int as slots from keepwatch.alert_evaluation where group_name = $<group>',
        { group },
      )
    ).slots;
  /** Queries of rules that run on the server now. */
  const runningQueries = async () =>
    (
      await fixture.database.one<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity
         where datname = current_database() and usename = 'keepwatch_rules' and state = 'active' and query like 'select * from (%'`,
      )
    ).count;
  const outcomesAt = (slotMs: number) =>
    fixture.database.any<{ rule: string; outcome: string; sqlstate: string | null; error: string | null }>(
      'select rule, outcome, sqlstate, error from keepwatch.alert_evaluation where slot = $1 order by rule',
      [new Date(slotMs)],
    );

  it('hold up none of fifty others, whose slots are committed meanwhile', async () => {
    await turnSlow();
    await start([
      ...groupsOf(['slow'], '30s', Array(8).fill(SWITCHED)),
      ...groupsOf(numbered(QUICK_GROUPS), '1s', ['select 1 as value']),
    ]);
    await waitFor(async () => (await runningQueries()) > 0, { timeoutMs: 20_000, what: 'the slow group' });
    const progress = () =>
      fixture.database.one<{ behind: number; slow: number }>(
        `select count(*) filter (where group_name <> 'slow' and slots < 3)::int + $<groups> - count(*) filter (where group_name <> 'slow')::int as behind,
           count(*) filter (where group_name = 'slow')::int as slow
         from (select group_name, count(*) as slots from keepwatch.alert_evaluation group by group_name) as found`,
        { groups: QUICK_GROUPS },
      );
    let found = await progress();
    await waitFor(
      async () => {
        found = await progress();
        return found.behind === 0;
      },
      { timeoutMs: 60_000, what: 'three slots of each quick group' },
    );
    assert.equal(found.slow, 0, 'the slow group has committed nothing yet');
  });

  it('are cut when their time is over: rules without an answer are errors, resolve nothing, and go first in the next slot', async () => {
    const [group] = groupsOf(['slow'], '1s', Array(4).fill(SWITCHED));
    assert.ok(group !== undefined);
    const evaluator = fixture.createEvaluator([group], { rulesDatabase, statementTimeoutMs: 4000 });
    const startMs = Math.floor(Date.now() / 1000) * 1000;
    const evaluate = async (slot: number) => {
      assert.ok(
        (await evaluator.evaluateGroup(group, { slotMs: startMs + slot * 1000, isPartial: false, missed: 0 })) !== undefined,
      );
      assert.equal(await runningQueries(), 0, 'nothing is left on the server');
      return (await outcomesAt(startMs + slot * 1000)).map(({ sqlstate, error }) => `${sqlstate ?? 'none'} ${error}`.trim());
    };
    await evaluate(1);
    await turnSlow();
    const late =
      '57014 rules.yaml:1: the query took longer than 4 s; bound it by :now - :window, or read rollups: canceling statement due to statement timeout (57014)';
    const cancelled = 'none cancelled, as it and the queries before it took the 10 s that they have together';
    const notAsked = 'none not asked, as others took the 10 s that they have together';
    assert.deepEqual(await evaluate(2), [late, late, cancelled, notAsked]);
    assert.deepEqual(await evaluate(3), [cancelled, notAsked, late, late]);
    assert.deepEqual(
      await fixture.database.any(`select rule, state from keepwatch.alert_instance order by rule`),
      [0, 1, 2, 3].map((rule) => ({ rule: `Rule${rule}`, state: 'firing' })),
    );
    const { evaluations, evaluationsCut } = evaluator.numbers;
    assert.deepEqual(
      { evaluations, evaluationsCut },
      {
        evaluations: [
          { outcome: 'ok', count: 4 },
          { outcome: 'error', count: 8 },
        ],
        evaluationsCut: 4,
      },
    );
  });

  it('end with the process: nothing runs and nothing is leased when they are released', async () => {
    await turnSlow();
    const groups = groupsOf(['slow', 'other'], '30s', Array(6).fill(SWITCHED));
    const evaluator = fixture.createEvaluator(groups, { rulesDatabase });
    const pass = evaluator.run();
    await waitFor(async () => (await runningQueries()) === 2, { timeoutMs: 20_000, what: 'both groups' });
    await evaluator.release();
    assert.equal(await runningQueries(), 0);
    assert.equal((await pass).committed, 0);
    assert.equal((await slotsOf('slow')) + (await slotsOf('other')), 0, 'a slot that was not asked in full is left to others');
    const { leases } = await fixture.database.one<{ leases: number }>(
      'select count(*)::int as leases from keepwatch.alert_evaluator where lease_until > clock_timestamp()',
    );
    assert.equal(leases, 0);
    await fixture.database.none('delete from keepwatch.sources');
    const next = fixture.createEvaluator(groups, { rulesDatabase, evaluatorId: randomUUID() });
    assert.equal((await next.run()).committed, 2, 'and others have the groups at once');
    await next.release();
  });

  it('are evaluated once a slot by passes that overlap, and what is left out is counted', async () => {
    const random = createRandom(SEED);
    const names = numbered(8);
    const groups = names.flatMap((name, index) =>
      groupsOf([name], '1s', [`select count(*) as value from generate_series(1, ${index < 5 ? 1 : 10 ** (4 + (index % 4))})`]),
    );
    const evaluator = fixture.createEvaluator(groups, { rulesDatabase });
    const passes: Promise<unknown>[] = [];
    const endsAtMs = performance.now() + 8000;
    while (performance.now() < endsAtMs) {
      passes.push(evaluator.run());
      await delay(random.below(400));
    }
    await Promise.all(passes);
    await evaluator.release();
    const found = await fixture.database.any<{ group: string; slots: number; expected: number; missed: number }>(
      `select group_name as group, count(*)::int as slots, (extract(epoch from max(slot) - min(slot)) + 1)::int as expected,
         (select missed::int from keepwatch.alert_group as own where own.group_name = evaluated.group_name) as missed
       from keepwatch.alert_evaluation as evaluated group by group_name order by group_name`,
    );
    assert.deepEqual(
      found.map(({ group }) => group),
      names,
    );
    for (const { group, slots, expected, missed } of found) assert.equal(slots + missed, expected, `${group}: ${slots} slots`);
    const committed = found.reduce((sum, { slots }) => sum + slots, 0);
    assert.equal(evaluator.numbers.evaluationSeconds.count, committed, 'no slot is evaluated in vain');
    assert.ok(committed >= 5 * 5, `${committed} slots`);
  });

  it('are evaluated for the newest slot when they take longer than slots are apart', async () => {
    const groups = groupsOf(['late'], '1s', ['select 1 as value']);
    const connect: Database['connect'] = async (options) => {
      await delay(1500);
      return rulesDatabase.connect(options);
    };
    const slowServer = new Proxy(rulesDatabase, {
      get: (target, key) => (key === 'connect' ? connect : (Reflect.get(target, key) as unknown)),
    });
    const evaluator = fixture.createEvaluator(groups, { rulesDatabase: slowServer });
    let committed = 0;
    await waitFor(
      async () => {
        committed += (await evaluator.run()).committed;
        return committed >= 5;
      },
      { timeoutMs: 30_000, what: 'five slots' },
    );
    await evaluator.release();
    const missed = evaluator.numbers.slotsMissed;
    const { slots, recorded } = await fixture.database.one<{ slots: number; recorded: number }>(
      `select (extract(epoch from max(slot) - min(slot)) + 1)::int as slots,
         (select missed::int from keepwatch.alert_group) as recorded from keepwatch.alert_evaluation`,
    );
    assert.ok(missed >= 2, `${missed} of ${slots} slots are left out`);
    assert.deepEqual([committed + missed, recorded], [slots, missed]);
  });

  it('get an error, and resolve nothing, when the role of the rules has no connection left', async () => {
    const [group] = groupsOf(['crowded'], '1s', ['select 1 as value']);
    assert.ok(group !== undefined);
    const role = `crowded_${randomUUID().slice(0, 8)}`;
    await fixture.database.none(`create role ${role} login password 'crowded' connection limit 0`);
    const url = Object.assign(new URL(fixture.test.url), { username: role, password: 'crowded' }).href;
    const crowded = createDatabase({ url, max: 1 });
    try {
      const slot = { slotMs: Math.floor(Date.now() / 1000) * 1000, isPartial: false, missed: 0 };
      await fixture.createEvaluator([group], { rulesDatabase }).evaluateGroup(group, slot);
      const next = { ...slot, slotMs: slot.slotMs + 1000 };
      const evaluator = fixture.createEvaluator([group], { rulesDatabase: crowded });
      assert.ok((await evaluator.evaluateGroup(group, next)) !== undefined);
      assert.deepEqual(
        (await outcomesAt(next.slotMs)).map(({ outcome, sqlstate }) => `${outcome} ${sqlstate}`),
        ['error 53300'],
      );
      assert.deepEqual(await fixture.database.any('select state from keepwatch.alert_instance'), [{ state: 'firing' }]);
    } finally {
      await closeDatabase(crowded);
      await fixture.database.none(`drop role ${role}`);
    }
  });
});
