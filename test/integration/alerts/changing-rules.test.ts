// Rules of the API while evaluators run: made, changed, switched off and on again, by two replicas.
import assert from 'node:assert/strict';
import { type Alerts, createAlerts } from '../../../src/alerts/alerts.ts';
import type { StoredRule } from '../../../src/alerts/definitions/stored-rules.ts';
import { createRuleSource } from '../../../src/alerts/rule-source.ts';
import { silentLogger } from '../../../src/logger.ts';
import { loadText, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { type AlertsApiFixture, openAlertsApi } from '../../support/alerts-api.ts';
import { checkAnswer } from '../../support/api-server.ts';
import { NO_RECEIVERS } from '../../support/receivers.ts';
import { waitFor } from '../../support/wait-for.ts';

const FILES = `groups: [{ name: shipped, every: 1s, rules: [{ alert: Shipped, query: select 1 as value, fire_when: value > 0 }] }]`;
const DRAFT = { group: 'own', every: '1s', rule: { alert: 'Own', query: 'select 1 as value', fire_when: 'value > 0' } };

describe('rules that change while they are evaluated', function () {
  this.timeout(60_000);
  let fixture: AlertsApiFixture;
  const running: Alerts[] = [];
  before(async () => {
    fixture = await openAlertsApi(FILES);
    for (let replica = 0; replica < 2; replica++) {
      const { database, rulesDatabase } = fixture;
      const files = loadText(FILES);
      const alerts = createAlerts({
        database,
        rulesDatabase,
        groups: files.groups,
        problems: files.problems,
        ruleSource: createRuleSource({ database, files }),
        receivers: NO_RECEIVERS,
        cron: '* * * * * *',
        logger: silentLogger,
      });
      running.push(alerts);
      await alerts.start();
    }
  });
  after(async () => {
    await Promise.all(running.map((alerts) => alerts.stop()));
    await fixture.close();
  });

  const newestSlotOf = async (group: string) =>
    (
      await fixture.database.one<{ slot: number | null }>(
        'select (extract(epoch from max(slot)) * 1000)::float8 as slot from keepwatch.alert_evaluation where group_name = $<group>',
        { group },
      )
    ).slot ?? 0;
  const changesOf = async (uid: string) =>
    (
      await fixture.database.any<{ change: string }>(
        `select from_state || ' ' || to_state || ' ' || reason as change from keepwatch.alert_transition where rule_uid = $<uid> order by id`,
        { uid },
      )
    ).map(({ change }) => change);
  const moves = async (group: string) => {
    const from = await newestSlotOf(group);
    await waitFor(async () => (await newestSlotOf(group)) >= from + 2000, { timeoutMs: 15_000 });
  };
  const send = (path: string, version: number) => fixture.send<StoredRule>('post', `/rules/own%2FOwn/${path}?version=${version}`);

  it('evaluates a new rule, no more once it is disabled, and again once it is enabled, without a gap for the others', async () => {
    await moves('shipped');
    assert.equal((await fixture.send('post', '/rules', { body: DRAFT })).status, 201);
    await moves('own');
    const data = await (running[0] as Alerts).rulesResponse();
    checkAnswer('/rules', 200, { status: 'success', data: JSON.parse(JSON.stringify(data)) });
    checkAnswer('/alerts', 200, { status: 'success', data: await (running[0] as Alerts).alertsResponse() });
    const { groups } = data;
    assert.deepEqual(
      groups.map(({ rules }) =>
        rules.map(({ keepwatch_uid, keepwatch_source, keepwatch_version }) => [
          keepwatch_uid,
          keepwatch_source,
          keepwatch_version,
        ]),
      ),
      [[['shipped/Shipped', 'file', undefined]], [['own/Own', 'api', 1]]],
    );

    assert.equal((await send('disable', 1)).status, 200);
    await waitFor(async () => (await (running[0] as Alerts).rulesResponse()).groups.length === 1, { timeoutMs: 10_000 });
    await waitFor(async () => (await (running[1] as Alerts).rulesResponse()).groups.length === 1, { timeoutMs: 10_000 });
    const stopped = await newestSlotOf('own');
    await moves('shipped');
    assert.equal(await newestSlotOf('own'), stopped);
    assert.deepEqual(await changesOf('own/Own'), ['ok firing breach', 'firing ok rule_deleted'], 'its alert is over');

    assert.equal((await send('enable', 2)).status, 200);
    await moves('own');
    await moves('shipped');
    const { gap } = await fixture.database.one<{ gap: number }>(
      `select max(extract(epoch from slot - before))::float8 as gap from (
         select slot, lag(slot) over (order by slot) as before from keepwatch.alert_evaluation where group_name = 'shipped') as slots`,
    );
    assert.ok(gap <= 10, `${gap} s`);
    assert.deepEqual(await changesOf('own/Own'), ['ok firing breach', 'firing ok rule_deleted', 'ok firing breach']);
    assert.deepEqual(await changesOf('shipped/Shipped'), ['ok firing breach']);
    assert.deepEqual(await fixture.database.any('select generation::int from keepwatch.alert_rule_set'), [{ generation: 1 }]);
  });
});

describe('rules that change with every pass', function () {
  this.timeout(60_000);

  it('are evaluated all the same, and the lease is kept', async () => {
    const fixture = await openAlertsFixture();
    try {
      let sets = 0;
      const evaluator = fixture.createEvaluator([], {
        rulesOf: async () => {
          sets++;
          return { groups: parseRules(FILES) };
        },
      });
      let committed = 0;
      await waitFor(
        async () => {
          committed += (await evaluator.run()).committed;
          return committed >= 4;
        },
        { timeoutMs: 20_000, what: 'four slots' },
      );
      assert.ok(sets > committed, 'a new set with each pass');
      const { epochs, left } = await fixture.database.one<{ epochs: number; left: number }>(
        `select count(distinct lease_epoch)::int as epochs, (select extract(epoch from lease_until - clock_timestamp())::float8
         from keepwatch.alert_evaluator) as left from keepwatch.alert_evaluation`,
      );
      assert.equal(epochs, 1, 'nobody had to take the group again');
      assert.ok(left > 3, `the lease is over in ${left} s`);
      await evaluator.release();
    } finally {
      await fixture.close();
    }
  });
});
