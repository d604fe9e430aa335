// The clock of Postgres was ahead, and was set right: nothing is evaluated for as long, and that is no secret.
import assert from 'node:assert/strict';
import { readRules } from '../../../src/alerts/responses.ts';
import { silentLogger } from '../../../src/logger.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { waitFor } from '../../support/wait-for.ts';

const RULES = ['ahead', 'right'].map(
  (name) => `{ name: ${name}, every: 1s, rules: [{ alert: Rule, query: select 1 as value, fire_when: value > 0 }] }`,
);

describe('a clock that was ahead', function () {
  this.timeout(60_000);
  let fixture: AlertsFixture;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
  });
  afterEach(() => fixture.close());

  it('is told once per group, in the log and in the problems of rules, with the way to go on, which works', async () => {
    const groups = parseRules(`groups: [${RULES.join(', ')}]`);
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) };
    const evaluator = fixture.createEvaluator(groups, { logger });
    const problems = async () =>
      (await readRules(fixture.database, { groups, problems: [], origins: new Map() })).keepwatch_problems;
    const moves = async (name: string) => {
      const committed = async () =>
        (
          await fixture.database.one<{ slots: number }>(
            'select count(*)::int as slots from keepwatch.alert_evaluation where group_name = $1',
            [name],
          )
        ).slots;
      const before = await committed();
      await waitFor(
        async () => {
          await evaluator.run();
          return (await committed()) >= before + 2;
        },
        { timeoutMs: 15_000, what: name },
      );
    };
    await moves('ahead');
    assert.deepEqual([warnings, await problems()], [[], []]);

    await fixture.database.none(`update keepwatch.alert_group set last_slot = '2126-01-01 00:00Z' where group_name = 'ahead'`);
    await moves('right');
    const [problem, ...others] = await problems();
    assert.deepEqual(others, []);
    assert.match(
      problem?.message ?? '',
      /^the group "ahead" is not evaluated before 2126-01-01T00:00:00.000Z, its newest slot: the clock of Postgres was ahead; docs\/alerts.md/,
    );
    assert.deepEqual(warnings, [problem?.message]);

    await fixture.database.none(`update keepwatch.alert_group set last_slot = now() where last_slot > now()`);
    await moves('ahead');
    assert.deepEqual(await problems(), []);
    await evaluator.release();
  });
});
