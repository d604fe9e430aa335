// One uid in groups of two services: neither ends the alerts of the other, and one of them says what is wrong.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createStoredRules } from '../../../src/alerts/definitions/stored-rules.ts';
import type { Evaluator } from '../../../src/alerts/evaluator.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { selectRows } from '../../support/rule-inputs.ts';

const EVERY_MS = 60_000;
const FIRST_SLOT_MS = Math.floor(Date.now() / EVERY_MS) * EVERY_MS - 10 * EVERY_MS;

const groupOf = (name: string, rows: readonly { name: string; value: number }[]): RuleGroup => {
  const query = selectRows(rows);
  const rule = { alert: 'Errors', uid: 'errors', query, fire_when: 'value > 10', missing: { policy: 'ok', after: 1 } };
  return parseRules(JSON.stringify({ groups: [{ name, every: '1m', rules: [rule] }] }))[0] ?? assert.fail();
};

describe('a uid of two services', function () {
  this.timeout(60_000);
  let fixture: AlertsFixture;
  let checkout: RuleGroup;
  let login: RuleGroup;
  let slots = 0;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
    checkout = groupOf('team-a', [{ name: 'checkout', value: 20 }]);
    login = groupOf('team-b', [{ name: 'login', value: 0 }]);
  });
  afterEach(() => fixture.close());

  const create = (ruleSet: string, group: RuleGroup): Evaluator =>
    fixture.createEvaluator([group], { ruleSet, evaluatorId: randomUUID() });
  const evaluate = async (evaluator: Evaluator, group: RuleGroup) => {
    const slotMs = FIRST_SLOT_MS + slots++ * EVERY_MS;
    assert.ok((await evaluator.evaluateGroup(group, { slotMs, isPartial: false, missed: 0 })) !== undefined, group.name);
  };
  const transitions = async () =>
    (
      await fixture.database.any<{ text: string }>(
        `select group_name || ': ' || (labels ->> 'name') || ' ' || from_state || ' ' || to_state || ' ' || reason as text
         from keepwatch.alert_transition order by id`,
      )
    ).map(({ text }) => text);
  const errors = async (group: string) =>
    (
      await fixture.database.any<{ error: string | null }>(
        'select error from keepwatch.alert_evaluation where group_name = $1 order by slot',
        [group],
      )
    ).map(({ error }) => error);
  const FIRES = 'team-a: checkout ok firing breach';

  it('is an error of who comes second, for as long as the first evaluates it, and ends no alert', async () => {
    const [a, b] = [create('a', checkout), create('b', login)];
    for (let slot = 0; slot < 3; slot++) {
      await evaluate(a, checkout);
      await evaluate(b, login);
    }
    assert.deepEqual(await transitions(), [FIRES]);
    const shared =
      'the uid "errors" is also that of a rule of the group "team-a" of the service "a"; give one of them another uid';
    assert.deepEqual(await errors('team-b'), [shared, shared, shared]);
    assert.deepEqual(await errors('team-a'), [null, null, null]);
    await a.release();
    await evaluate(b, login);
    assert.equal((await errors('team-b')).at(-1), null, 'a group that nobody evaluates has lost its rule');
    assert.deepEqual(await transitions(), [FIRES, 'team-b: checkout firing ok missing']);
    await b.release();
  });

  it('is no error within one service: the rule has moved', async () => {
    const [a, moved] = [create('a', checkout), groupOf('team-b', [{ name: 'checkout', value: 20 }])];
    await evaluate(a, checkout);
    const other = fixture.createEvaluator([moved], { ruleSet: 'a', evaluatorId: randomUUID() });
    await evaluate(other, moved);
    await evaluate(other, moved);
    assert.deepEqual([await errors('team-b'), await transitions()], [[null, null], [FIRES]]);
    await Promise.all([a.release(), other.release()]);
  });

  it('is no error of a rule of the API, which is the same for all services', async () => {
    const [a, b] = [create('a', checkout), create('b', login)];
    const definition = { alert: 'Errors', uid: 'errors', query: 'select 1 as value', fire_when: 'value > 10' };
    const content = { group: 'team-b', every_ms: EVERY_MS, definition, enabled: true };
    assert.equal((await createStoredRules(fixture.database).create('errors', content, 'ann')).outcome, 'done');
    await evaluate(a, checkout);
    await evaluate(b, login);
    assert.deepEqual([await errors('team-b'), await transitions()], [[null], [FIRES, 'team-b: checkout firing ok missing']]);
    await Promise.all([a.release(), b.release()]);
  });
});
