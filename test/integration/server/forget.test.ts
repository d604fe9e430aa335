// Series that never come back, ended by hand over HTTP: who hears of it, who did it, and what begins anew.
import assert from 'node:assert/strict';
import type { Forgotten } from '../../../src/alerts/definitions/forget-series.ts';
import { forgetSeries } from '../../../src/alerts/definitions/forget-series.ts';
import { Evaluator } from '../../../src/alerts/evaluator.ts';
import type { TransitionEntry } from '../../../src/alerts/history.ts';
import { silentLogger } from '../../../src/logger.ts';
import { destinationsTo } from '../../support/alerts.ts';
import { type AlertsApiFixture, openAlertsApi } from '../../support/alerts-api.ts';
import { groupOf, type InputRow, selectRows } from '../../support/rule-inputs.ts';

const MINUTE = 60_000;
const START = Math.floor((Date.now() - 3_600_000) / MINUTE) * MINUTE;

describe('the API that forgets series', function () {
  this.timeout(60_000);
  let fixture: AlertsApiFixture;
  let minute = 0;
  beforeEach(async () => {
    fixture = await openAlertsApi();
    minute = 0;
  });
  afterEach(() => fixture.close());

  const evaluate = async (rows: readonly InputRow[] | string, notify: readonly string[] = ['pager']) => {
    const { database, rulesDatabase } = fixture;
    const group = groupOf({
      query: typeof rows === 'string' ? rows : selectRows(rows),
      missing: { policy: 'nodata', after: 1 },
      for: '0s',
    });
    const evaluator = new Evaluator({
      ...{ database, rulesDatabase, groups: [group], receivers: ['pager', 'mail'], destinationsOf: destinationsTo(() => notify) },
      ...{ evaluatorId: '4d0b6b6e-0000-4000-8000-000000000001', logger: silentLogger },
    });
    assert.ok(await evaluator.evaluateGroup(group, { slotMs: START + minute++ * MINUTE, isPartial: false, missed: 0 }));
    await fixture.dispatch();
  };
  const forget = async (body: unknown, headers: Record<string, string> = {}) => {
    const answer = await fixture.send<Forgotten>('post', '/alerts/forget', { body, headers });
    await fixture.dispatch();
    return answer;
  };
  const texts = async (sql: string) => (await fixture.database.any<{ text: string }>(sql)).map(({ text }) => text);
  const states = () => texts(`select concat_ws(' ', labels ->> 'name', state) as text from keepwatch.alert_instance order by 1`);
  const calm = (name: string) => ({ name, value: 0 });

  it('ends what is missing for ever, tells who was told, and records who did it', async () => {
    await evaluate([calm('gone'), calm('here')]);
    await evaluate([calm('here')]);
    await evaluate([calm('here')], ['mail']);
    assert.deepEqual(await states(), ['gone nodata', 'here ok']);
    const { status, data, error } = await forget({ rule: 'R', labels: { name: 'gone' } }, { 'keepwatch-actor': 'ann' });
    assert.equal(status, 200, error);
    assert.deepEqual([data.count, data.notifications], [1, 1]);
    const { fingerprint, ...series } = data.series[0] ?? assert.fail();
    assert.deepEqual(series, {
      group: 'g',
      rule: 'R',
      rule_uid: 'g/R',
      state: 'nodata',
      labels: { alertname: 'R', name: 'gone' },
    });
    assert.deepEqual(await states(), ['here ok']);
    assert.deepEqual(
      await texts(
        `select concat_ws(' ', from_state, to_state, reason, suppressed) as text from keepwatch.alert_transition order by id`,
      ),
      ['ok nodata missing', 'nodata ok forgotten'],
    );
    assert.deepEqual(
      await texts(`select concat_ws(' ', reason, receiver) as text from keepwatch.notification_outbox order by created_at`),
      ['nodata pager', 'resolved pager'],
    );
    const [record] = await fixture.database.any<Record<string, unknown>>(
      'select kind, name, action, actor, version, before, after from keepwatch.alert_audit',
    );
    assert.ok(record);
    const { incident_id, ...before } = record['before'] as Record<string, unknown>;
    assert.deepEqual(
      { ...record, before },
      {
        ...{ kind: 'series', name: fingerprint, action: 'forget', actor: 'ann', version: null, after: null },
        before: { rule: 'R', rule_uid: 'g/R', state: 'nodata', labels: { alertname: 'R', name: 'gone' } },
      },
    );
    assert.match(String(incident_id), /^[\da-f-]{36}$/);
    // Nobody misses it any more; what comes back is new.
    await evaluate([calm('here')]);
    assert.deepEqual(await states(), ['here ok']);
    await evaluate([{ name: 'gone', value: 20 }, calm('here')]);
    assert.deepEqual(await states(), ['gone firing', 'here ok']);
  });

  it('finds series by the first digits of a fingerprint, by the uid of a rule, and only what all of it is true of', async () => {
    const firing = ['a', 'b', 'c'].map((name) => ({ name, value: 20 }));
    await evaluate(firing);
    const [a] = await texts(
      `select encode(fingerprint, 'hex') as text from keepwatch.alert_instance where labels ->> 'name' = 'a'`,
    );
    assert.equal((await forget({ fingerprint: a?.slice(0, 8), labels: { name: 'b' } })).data.count, 0);
    assert.equal((await forget({ fingerprint: a?.slice(0, 8) })).data.count, 1);
    assert.deepEqual(await states(), ['b firing', 'c firing']);
    assert.equal((await forget({ rule: 'g/Other' })).data.count, 0);
    const dry = await forgetSeries(fixture.database, { rule: 'g/R' }, { actor: 'test', isDryRun: true });
    assert.deepEqual([dry.count, dry.notifications, (await states()).length], [2, 0, 2]);
    assert.equal((await forget({ rule: 'g/R' })).data.count, 2);
    assert.deepEqual(await states(), []);
  });

  it('stands in the history before what begins anew with the slot that was next', async () => {
    // Slots are evaluated after their time: what is forgotten meanwhile comes before them all the same.
    minute = 59;
    await evaluate([{ name: 'a', value: 20 }]);
    assert.equal((await forget({ rule: 'R' })).data.count, 1);
    await evaluate([{ name: 'a', value: 20 }]);
    const { data } = await fixture.send<{ transitions: TransitionEntry[] }>('get', '/alerts/history?rule=R');
    assert.deepEqual(
      data.transitions.map(({ reason }) => reason),
      ['breach', 'forgotten', 'breach'],
    );
  });

  it('ends more than fit into one transaction', async () => {
    await evaluate(`select 's' || n as name, 20::float8 as value from generate_series(1, 4500) as n`);
    const { data } = await forget({ rule: 'R' });
    assert.deepEqual([data.count, data.series.length, await states()], [4500, 100, []]);
    assert.deepEqual(await texts(`select count(*)::text as text from keepwatch.alert_audit`), ['4500']);
  });

  const refused: [what: string, body: unknown, says: RegExp][] = [
    ['nothing', {}, /allowed: one or more of fingerprint, rule, labels/],
    ['no object', [], /the body: got \[\]; allowed: an object/],
    ['too short a fingerprint', { fingerprint: 'abc' }, /fingerprint: got "abc"; allowed: 8 to 64 hexadecimal digits/],
    ['no labels', { labels: {} }, /labels: got \{\}; allowed: labels with their values/],
    ['NUL', { rule: 'a\0' }, /rule: got "a\\u0000"/],
    ['a typo', { rul: 'R' }, /^rul: unknown; allowed: fingerprint, rule, labels/],
  ];
  for (const [what, body, says] of refused) {
    it(`refuses ${what}`, async () => {
      const { status, error } = await forget(body);
      assert.equal(status, 400);
      assert.match(error ?? '', says);
    });
  }
});
