// Rules of many series in one process: what there is no room for is an error that resolves nothing and goes first, and the process goes on meanwhile.
import assert from 'node:assert/strict';
import { evaluateRules } from '../../../src/alerts/evaluate.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { SeriesRoom } from '../../../src/alerts/series-room.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';

const EVERY_MS = 60_000;
const FIRST_SLOT_MS = Math.floor(Date.now() / EVERY_MS) * EVERY_MS - 20 * EVERY_MS;
/** Fires in the first slots, and would be over in those that follow. */
const groupOf = (rules: number, series: number, endsMs: number): RuleGroup => {
  const query = `select 's' || n as name, case when :now < to_timestamp(${endsMs / 1000}) then 1 else 0 end as value from generate_series(1, ${series}) as n`;
  const written = Array.from({ length: rules }, (_, index) => ({ alert: `R${index}`, query, fire_when: 'value > 0' }));
  return parseRules(JSON.stringify({ groups: [{ name: 'wide', every: '1m', rules: written }] }))[0] ?? assert.fail();
};

describe('rules of many series', function () {
  this.timeout(60_000);
  let fixture: AlertsFixture;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
  });
  afterEach(() => fixture.close());

  it('are errors beyond the room of the process, resolve nothing, and go first in the next slot', async () => {
    const endsMs = FIRST_SLOT_MS + 5.5 * EVERY_MS;
    const group = groupOf(5, 10, endsMs);
    const room = new SeriesRoom({ room: { series: 25, bytes: 1e6 }, own: { series: 1, bytes: 1 } });
    const evaluator = fixture.createEvaluator([group], { room });
    let slot = 0;
    const outcomes = async () => {
      const slotMs = FIRST_SLOT_MS + slot++ * EVERY_MS;
      assert.ok((await evaluator.evaluateGroup(group, { slotMs, isPartial: false, missed: 0 })) !== undefined);
      assert.equal(room.held.series, 0, 'what a slot held is given back');
      const rows = await fixture.database.any<{ outcome: string; error: string | null }>(
        'select outcome, error from keepwatch.alert_evaluation where slot = $1 order by rule',
        [new Date(slotMs)],
      );
      for (const { outcome, error } of rows)
        assert.ok(outcome === 'ok' ? error === null : error?.startsWith('left out, as all rules that this process evaluates'));
      return rows.map(({ outcome }) => (outcome === 'ok' ? '+' : '-')).join('');
    };
    assert.deepEqual([await outcomes(), await outcomes(), await outcomes()], ['++---', '--++-', '+---+']);
    while (slot < 6) await outcomes();
    const firing = async () =>
      (
        await fixture.database.one<{ n: number }>(
          `select count(*)::int as n from keepwatch.alert_instance where state = 'firing'`,
        )
      ).n;
    assert.equal(await firing(), 50);
    const before = evaluator.numbers.evaluationsCut;
    assert.equal(before, 6 * 3);
    await outcomes();
    assert.equal(await firing(), 30, 'only those that were asked are over');
    await evaluator.release();
  });

  it('leave turns to others while they are worked out', async () => {
    let judged = 0;
    let [before, longest, isDone] = [0, 0, false];
    const count = () => {
      longest = Math.max(longest, judged - before);
      before = judged;
      if (!isDone) setImmediate(count);
    };
    const { name, rules } = groupOf(2, 20_000, 0);
    const counted = rules.map((rule) => {
      const evaluate: typeof rule.fireWhen.evaluate = (numbers) => {
        judged++;
        return rule.fireWhen.evaluate(numbers);
      };
      return { ...rule, fireWhen: { ...rule.fireWhen, evaluate } };
    });
    setImmediate(count);
    const evaluations = await evaluateRules({ name, rules: counted }, FIRST_SLOT_MS, { rulesDatabase: fixture.rulesDatabase });
    isDone = true;
    assert.deepEqual(
      evaluations.map(({ outcome, series }) => `${outcome} ${series.length}`),
      ['ok 20000', 'ok 20000'],
    );
    assert.equal(judged, 40_000);
    assert.ok(longest <= 2000, `${longest} series in one turn`);
  });
});
