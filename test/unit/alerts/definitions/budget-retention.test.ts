// Which budgets cannot be summed, as usage or raw events go before their period is over.
import assert from 'node:assert/strict';
import { retentionProblem } from '../../../../src/alerts/definitions/budget-retention.ts';

const DAY = 86_400_000;
type Period = 'day' | 'week' | 'month';
const of = (period: Period, scope = {}, enabled = true) => ({ name: 'search', period, scope, enabled });
const kept = (days: number, rollupDays = days) => ({ retention: days * DAY, rollupRetention: rollupDays * DAY });
const BY_USAGE = { team: 'search', tenant_id: 'acme' };
const BY_EVENTS = { team: 'search', region: 'eu' };

describe('retentionProblem', () => {
  const cases: [period: Period, days: number, isWrong: boolean][] = [
    ['month', 30, true],
    ['month', 31, true],
    ['month', 32, false],
    ['week', 7, true],
    ['week', 8, false],
    ['day', 1, true],
    ['day', 2, false],
    ['month', Infinity, false],
  ];
  for (const [period, days, isWrong] of cases)
    it(`says ${isWrong ? 'what is wrong' : 'nothing'} of a ${period} with what is kept for ${days} days`, () => {
      assert.equal(retentionProblem(of(period, BY_EVENTS), kept(days, Infinity)) !== undefined, isWrong);
      assert.equal(retentionProblem(of(period, BY_USAGE), kept(1, days)) !== undefined, isWrong);
      assert.equal(retentionProblem(of(period), kept(1, days)) !== undefined, isWrong);
    });

  it('names the setting and what it has to be', () => {
    assert.equal(
      retentionProblem(of('month', BY_EVENTS), kept(30, 400)),
      'budget "search": it adds up the raw events of a month, kept for 30d: late in a month its sum is too low; ' +
        'set KEEPWATCH_RETENTION to 32d or more, or choose a shorter period',
    );
    assert.equal(
      retentionProblem(of('week', BY_USAGE), kept(2, 7)),
      'budget "search": it adds up the usage of a week, kept for 7d: late in a week its sum is too low; ' +
        'set KEEPWATCH_ROLLUP_RETENTION to 8d or more, or choose a shorter period',
    );
  });

  it('says nothing of one that no rule looks at', () => {
    assert.equal(retentionProblem(of('month', {}, false), kept(1)), undefined);
  });
});
