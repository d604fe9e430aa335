// The rules that ship, with the values that ship, over an hour and more of virtual time on real Postgres.
import assert from 'node:assert/strict';
import { loadRules } from '../../../src/alerts/rule-file.ts';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';
import { type AlertsFixture, insertEvents, openAlertsFixture } from '../../support/alerts.ts';

const MINUTE = 60_000;

describe('rules/api.yaml', function () {
  this.timeout(60_000);
  let fixture: AlertsFixture;
  before(async () => {
    fixture = await openAlertsFixture();
  });
  after(() => fixture.close());

  it('fires and resolves HighErrorRate and SlowP95 at the slots that their values say', async () => {
    const { database } = fixture;
    const { groups, problems } = loadRules(['rules/api.yaml'], PACKAGE_FOLDER);
    assert.deepEqual(problems, []);
    const [group] = groups;
    assert.ok(group !== undefined);
    const startMs = Math.floor((Date.now() - 3 * 3_600_000) / MINUTE) * MINUTE;
    for (let minute = 0; minute < 80; minute++) {
      const [fromMs, toMs] = [startMs + minute * MINUTE, startMs + (minute + 1) * MINUTE];
      await insertEvents(database, {
        count: 40,
        fromMs,
        toMs,
        failures: minute >= 20 && minute < 30 ? 20 : 0,
        durationMs: minute >= 45 && minute < 60 ? 1500 : 100,
      });
      await insertEvents(database, { count: 5, fromMs, toMs, failures: 5, name: 'GET /rare' });
    }
    for (let minute = 1; minute <= 80; minute++) {
      const evaluator = fixture.createEvaluator(groups);
      assert.ok(await evaluator.evaluateGroup(group, { slotMs: startMs + minute * MINUTE, isPartial: false, missed: 0 }));
    }

    const transitions = await database.any<{
      rule: string;
      name: string;
      from_state: string;
      to_state: string;
      slot: Date;
      incident_id: string;
    }>(
      `select rule, labels->>'name' as name, from_state, to_state, slot, incident_id from keepwatch.alert_transition order by id`,
    );
    const shown = transitions.map(
      ({ rule, name, from_state, to_state, slot }) =>
        `${(slot.getTime() - startMs) / MINUTE} ${rule} ${name}: ${from_state} -> ${to_state}`,
    );
    assert.deepEqual(shown, [
      // 20 of 200 is exactly 10%, which is not more than 10%: the second bad minute breaches.
      '22 HighErrorRate POST /chat: ok -> pending',
      '25 HighErrorRate POST /chat: pending -> firing',
      // Minute 30 is the first good one; a window of 5 minutes has less than 5% only when all bad minutes have left it.
      '35 HighErrorRate POST /chat: firing -> ok',
      // The slowest 5% of 400 requests are 20: 40 slow ones of one minute are enough.
      '46 SlowP95 POST /chat: ok -> pending',
      '51 SlowP95 POST /chat: pending -> firing',
      '70 SlowP95 POST /chat: firing -> ok',
    ]);
    assert.equal(new Set(transitions.map(({ incident_id }) => incident_id)).size, 2);

    const messages = await database.any<{ rule: string; reason: string; payload: { annotations: { summary: string } } }>(
      'select rule, reason, payload from keepwatch.notification_outbox order by created_at',
    );
    assert.deepEqual(
      messages.map(({ rule, reason, payload }) => `${rule} ${reason}: ${payload.annotations.summary}`),
      [
        'HighErrorRate firing: shop POST /chat: 50% of 200 requests failed',
        'HighErrorRate resolved: shop POST /chat: 0% of 200 requests failed',
        'SlowP95 firing: shop POST /chat: 5% of 400 requests took 1500 ms or longer',
        'SlowP95 resolved: shop POST /chat: 5% of 400 requests took 100 ms or longer',
      ],
    );
    const evaluations = await database.one<{ all: number; wrong: number }>(
      `select count(*)::int as all, count(*) filter (where outcome <> 'ok' or error is not null)::int as wrong from keepwatch.alert_evaluation`,
    );
    assert.deepEqual(evaluations, { all: 160, wrong: 0 });
  });
});
