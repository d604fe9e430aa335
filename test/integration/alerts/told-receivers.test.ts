// Who hears of the end of an alert: those who heard of it, however the rule was changed meanwhile. On real Postgres in virtual time.
import assert from 'node:assert/strict';
import type { EvaluatorOptions } from '../../../src/alerts/evaluator.ts';
import { type AlertsFixture, openAlertsFixture } from '../../support/alerts.ts';
import { groupOf, NO_ANSWER, selectRows } from '../../support/rule-inputs.ts';

const MINUTE = 60_000;
const START = Math.floor((Date.now() - 3_600_000) / MINUTE) * MINUTE;
const ALL = ['pager', 'mail', 'chat'];

describe('The end of an alert', function () {
  this.timeout(30_000);
  let fixture: AlertsFixture;
  let minute = 0;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
    minute = 0;
  });
  afterEach(() => fixture.close());

  /** A slot in which messages of the rule go to `notify`. */
  const evaluate = async (
    query: string,
    notify: readonly string[],
    { receivers = ALL, ...rule }: Partial<Pick<EvaluatorOptions, 'receivers'>> & Record<string, unknown> = {},
  ) => {
    const group = groupOf({ query, ...rule });
    const slot = { slotMs: START + minute++ * MINUTE, isPartial: false, missed: 0 };
    const evaluator = fixture.createEvaluator([group], { receivers, receiversOf: () => notify });
    assert.ok((await evaluator.evaluateGroup(group, slot)) !== undefined);
  };
  const texts = async (sql: string) => (await fixture.database.any<{ text: string }>(sql)).map(({ text }) => text);
  const messages = () =>
    texts(`select concat_ws(' ', reason, payload -> 'labels' ->> 'severity', receiver) as text from keepwatch.notification_outbox
      order by payload ->> 'slot', receiver`);
  const changes = () =>
    texts(`select concat_ws(' ', to_state, reason, suppressed) as text from keepwatch.alert_transition order by id`);
  const at = (value: number) => selectRows([{ name: 'a', value }]);

  it('is told to who was told that it fires, and to nobody else, after `notify` was changed', async () => {
    await evaluate(at(20), ['pager', 'mail']);
    await evaluate(at(20), ['mail', 'chat']);
    await evaluate(at(0), ['mail', 'chat']);
    assert.deepEqual(await messages(), ['firing mail', 'firing pager', 'resolved mail', 'resolved pager']);
    assert.deepEqual(await changes(), ['firing breach', 'ok clear']);
    const [resolved] = await fixture.database.any<{ status: string; ends: string }>(
      `select payload ->> 'status' as status, payload ->> 'endsAt' as ends from keepwatch.notification_outbox where reason = 'resolved'`,
    );
    assert.deepEqual(resolved, { status: 'resolved', ends: new Date(START + 2 * MINUTE).toISOString() });
  });

  it('is told when the rule has no receiver any more, and not told to one that came too late', async () => {
    await evaluate(at(20), ['pager']);
    await evaluate(at(0), []);
    await evaluate(at(20), []);
    await evaluate(at(0), ['pager']);
    assert.deepEqual(await messages(), ['firing pager', 'resolved pager']);
    assert.deepEqual(await changes(), ['firing breach', 'ok clear', 'firing breach no_receiver', 'ok clear no_receiver']);
  });

  it('is not left in the outbox for a receiver that is gone', async () => {
    await evaluate(at(20), ['pager']);
    await evaluate(at(0), ['mail'], { receivers: ['mail'] });
    assert.deepEqual(await messages(), ['firing pager']);
    assert.deepEqual(await changes(), ['firing breach', 'ok clear no_receiver']);
    await evaluate(at(20), ['pager', 'mail']);
    await evaluate(at(0), ['mail'], { receivers: ['mail'] });
    assert.deepEqual((await messages()).slice(1), ['firing mail', 'firing pager', 'resolved mail']);
    assert.deepEqual((await changes()).slice(2), ['firing breach', 'ok clear']);
  });

  it('is told to all who heard of any severity; one that is worse goes to the receivers of now', async () => {
    const steps = [
      { severity: 'warning', fire_when: 'value > 10' },
      { severity: 'critical', fire_when: 'value > 100' },
    ];
    await evaluate(at(20), ['mail'], { steps });
    await evaluate(at(200), ['pager'], { steps });
    await evaluate(at(0), ['chat'], { steps });
    assert.deepEqual(await messages(), [
      'firing warning mail',
      'firing critical pager',
      'resolved critical mail',
      'resolved critical pager',
    ]);
  });

  it('is told to who heard that there is no data, and that a rule has no answer', async () => {
    const rule = { missing: { policy: 'nodata', after: 1 }, on_error: { policy: 'alert', after: '0s' } };
    const both = selectRows([
      { name: 'a', value: 0 },
      { name: 'b', value: 0 },
    ]);
    await evaluate(both, ['mail'], rule);
    await evaluate(at(0), ['mail'], rule);
    await evaluate(both, ['chat'], rule);
    assert.deepEqual(await messages(), ['nodata mail', 'resolved mail']);
    await evaluate(NO_ANSWER, ['pager'], rule);
    await evaluate(both, ['chat'], rule);
    assert.deepEqual((await messages()).slice(2), ['error warning pager', 'resolved warning pager']);
  });

  it('costs one statement, only in a slot in which something ends', async () => {
    const statements: string[] = [];
    const { database } = fixture;
    database.$pool.on('connect', (client: unknown) => {
      const counted = client as { query: (...given: unknown[]) => unknown };
      const query = counted.query.bind(counted);
      counted.query = (...given) => {
        if (String(given[0]).includes('select member.incident_id')) statements.push(String(given[0]));
        return query(...given);
      };
    });
    await database.$pool.connect().then((client) => (client as unknown as { release(destroy: boolean): void }).release(true));
    const many = (value: number) => selectRows(['a', 'b', 'c'].map((name) => ({ name, value })));
    await evaluate(many(20), ['mail']);
    await evaluate(many(20), ['mail']);
    assert.equal(statements.length, 0);
    await evaluate(many(0), ['mail']);
    assert.equal(statements.length, 1);
    assert.equal((await messages()).filter((text) => text === 'resolved mail').length, 3);
  });
});
