// What is bound to the queries of rules, as Postgres takes it: moments are those that it would work out itself, and it knows them when it plans.
import assert from 'node:assert/strict';
import { compileQuery } from '../../../src/alerts/parameters.ts';
import { runRulesQuery } from '../../../src/db/rules-query.ts';
import { type AlertsFixture, openAlertsFixture } from '../../support/alerts.ts';

const DAY = 86_400_000;

describe('Parameters of rules', function () {
  this.timeout(60_000);
  let fixture: AlertsFixture;
  before(async () => {
    fixture = await openAlertsFixture();
  });
  after(() => fixture.close());

  const ask = async (sql: string, params: Record<string, string>, nowMs: number) => {
    const { text, values } = compileQuery(sql, params);
    return (await runRulesQuery(fixture.rulesDatabase, { text, values: values(nowMs) }, { maxRows: 100 })).rows;
  };
  /** With the values as literals, which are constants as those are that are bound. */
  const planOf = async (sql: string, params: Record<string, string>, nowMs: number) => {
    const { text, values } = compileQuery(sql, params);
    const lines = await fixture.database.any<{ 'QUERY PLAN': string }>(`explain (costs off) ${text}`, values(nowMs));
    return lines.map((line) => line['QUERY PLAN']).join('\n');
  };

  it('gives the moments that Postgres works out itself', async () => {
    // In brackets they are not taken together.
    const sql = `select (:now - :window = :now - (:window))::int as before, (:now + :window = :now + (:window))::int as behind,
      extract(epoch from :now - :window - :window)::float8 as twice`;
    const moments = [0, 951_782_400_000 - 1, 1_711_846_800_001, 1_729_994_400_123, Date.UTC(2100, 1, 28)];
    for (const nowMs of moments)
      for (const [window, ms] of Object.entries({
        '1ms': 1,
        '90s': 90_000,
        '1.5h': 5_400_000,
        '30d': 30 * DAY,
        '520w': 3640 * DAY,
      }))
        assert.deepEqual(await ask(sql, { window }, nowMs), [[1, 1, (nowMs - 2 * ms) / 1000]], `${nowMs} ${window}`);
  });

  it('lets Postgres plan the partitions of the window alone', async () => {
    const nowMs = Date.UTC(2026, 2, 15, 12);
    const [from, to] = [new Date(nowMs - 20 * DAY), new Date(nowMs)];
    await fixture.database.any('select keepwatch.ensure_partitions($<from>, $<to>)', { from, to });
    const sql = (window: string) =>
      `select name, count(*) as value from keepwatch.observability_metrics where end_time >= :now - ${window} and end_time < :now group by name`;
    const plan = await planOf(sql(':window'), { window: '5m' }, nowMs);
    assert.deepEqual(
      [...plan.matchAll(/ on (observability_metrics_p\d+)/g)].map(([, leaf]) => leaf),
      ['observability_metrics_p20260315'],
    );
    assert.doesNotMatch(plan, /Subplans Removed/);
    // What it would be otherwise.
    assert.match(await planOf(sql('(:window)'), { window: '5m' }, nowMs), /Subplans Removed: \d\d/);
  });

  it('has a list cut into its items once, not for each row', async () => {
    const sql =
      'select name, 1 as value from keepwatch.observability_series where name = any(:names::text[]) and :names <> service';
    const names = `{a,"b c",{},"it's",null}`.replace('{}', '"{}"');
    assert.match(await planOf(sql, { names }, 0), /= ANY \('\{a,"b c","\{\}",it''s,NULL\}'::text\[\]\)/);
    const items = await ask('select item, 1 as value from unnest(:names::text[]) as given (item)', { names }, 0);
    assert.deepEqual(items, [
      ['a', 1],
      ['b c', 1],
      ['{}', 1],
      ["it's", 1],
      [null, 1],
    ]);
    await assert.rejects(ask('select 1 as value where 1 = any(:ids::int[])', { ids: '{one}' }, 0), { code: '22P02' });
  });
});
