// The fast rule of the burst, in virtual time on real Postgres: 8 s of normal traffic, 15 s of failures, then normal traffic again.
import assert from 'node:assert/strict';
import { basename, dirname } from 'node:path';
import { BURST_RULES_FILE } from '../../../demo/burst.ts';
import { loadRules } from '../../../src/alerts/rule-file.ts';
import { type AlertsFixture, insertEvents, openAlertsFixture } from '../../support/alerts.ts';

const SECOND = 1000;

describe('demo/rules/burst.yaml', function () {
  this.timeout(60_000);
  let fixture: AlertsFixture;
  before(async () => {
    fixture = await openAlertsFixture();
  });
  after(() => fixture.close());

  it('goes pending, firing and resolved within a minute', async () => {
    const { groups, problems } = loadRules([basename(BURST_RULES_FILE)], dirname(BURST_RULES_FILE));
    assert.deepEqual(problems, []);
    const [group] = groups;
    assert.ok(group !== undefined);
    assert.equal(group.everyMs, 2 * SECOND);

    const startMs = Math.floor((Date.now() - 3_600_000) / 60_000) * 60_000;
    for (let second = 0; second < 60; second++) {
      const isBurst = second >= 8 && second < 23;
      const fromMs = startMs + second * SECOND;
      await insertEvents(fixture.database, { count: 10, fromMs, toMs: fromMs + SECOND, failures: isBurst ? 9 : 0 });
    }
    const evaluator = fixture.createEvaluator(groups);
    for (let second = 2; second <= 60; second += 2) {
      assert.ok(await evaluator.evaluateGroup(group, { slotMs: startMs + second * SECOND, isPartial: false, missed: 0 }));
    }
    const transitions = await fixture.database.any<{ to_state: string; slot: Date }>(
      'select to_state, slot from keepwatch.alert_transition order by id',
    );
    assert.deepEqual(
      transitions.map(({ to_state, slot }) => `${(slot.getTime() - startMs) / SECOND} ${to_state}`),
      ['10 pending', '16 firing', '42 ok'],
    );
  });
});
