// Alerts that fire, and everything that can go wrong with an answer: nothing of it resolves one. FAULT_WINDOWS says how often; 5,000 by
// `npm run test:faults`.
import assert from 'node:assert/strict';
import { type AlertsFixture, openAlertsFixture } from '../../support/alerts.ts';
import { groupOf, NO_ANSWER, selectRows } from '../../support/rule-inputs.ts';

const MINUTE = 60_000;
const START = Math.floor((Date.now() - 7 * 86_400_000) / MINUTE) * MINUTE;
const WINDOWS = Number(process.env['FAULT_WINDOWS'] ?? 500);
const RULES = 50;
const NAMES = ['a', 'b', 'c'];
const MAX_SERIES = 5;

const rowsOf = (value: number | null, names = NAMES) => names.map((name) => ({ name, value }));
/** Each is the answer of a rule in one slot. */
const FAULTS: Readonly<Record<string, string>> = {
  'an error': NO_ANSWER,
  'a timeout': `${selectRows(rowsOf(0))}, (select count(*) from generate_series(1, 1000000000000)) as endless`,
  'no row': selectRows([]),
  'a missing series': selectRows(rowsOf(20, ['a'])),
  'a null': selectRows(rowsOf(null)),
  'too many series': selectRows(rowsOf(0, [...NAMES, 'd', 'e', 'f'])),
  'two rows of a series': selectRows(rowsOf(0, ['a', 'a', 'b', 'c'])),
  'a column that is gone': `select name, value as other from (${selectRows(rowsOf(0))}) as given`,
  'too large an answer': `select name, repeat('x', 9000000) as text, value from (${selectRows(rowsOf(0))}) as given`,
};
/** Rare, as they take time. */
const SLOW = ['a timeout', 'too large an answer'];
/** What the archive has only in part: that all is well would be known too early. */
const CLEAR = selectRows(rowsOf(0));

describe('Faults while alerts fire', function () {
  this.timeout(Math.max(60_000, WINDOWS * 100));
  let fixture: AlertsFixture;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
  });
  afterEach(() => fixture.close());

  it(`resolve none of them in ${WINDOWS} windows`, async () => {
    const names = Object.keys(FAULTS);
    const quick = names.filter((name) => !SLOW.includes(name));
    const met = new Map<string, number>();
    const evaluate = async (slot: number, queryOf: (rule: number) => string, isPartial = false) => {
      const plain = groupOf(...Array.from({ length: RULES }, (_, rule) => ({ alert: `R${rule}`, query: CLEAR })));
      // Past the parser, which would let the slow ones not through.
      const rules = plain.rules.map((rule, index) => ({ ...rule, compiled: { text: queryOf(index), values: () => [] } }));
      const group = { ...plain, rules };
      const evaluator = fixture.createEvaluator([group], { maxSeries: MAX_SERIES, statementTimeoutMs: 250 });
      const result = await evaluator.evaluateGroup(group, { slotMs: START + slot * MINUTE, isPartial, missed: 0 });
      assert.ok(result !== undefined);
    };
    await evaluate(0, () => selectRows(rowsOf(20)));
    const slots = Math.ceil(WINDOWS / RULES);
    for (let slot = 1; slot <= slots; slot++) {
      const isPartial = slot % 5 === 0;
      const slowRule = (slot * 7) % RULES;
      await evaluate(
        slot,
        (rule) => {
          if (isPartial) return CLEAR;
          const fault = rule === slowRule ? (SLOW[slot % 2] ?? '') : (quick[(slot + rule) % quick.length] ?? '');
          met.set(fault, (met.get(fault) ?? 0) + 1);
          return FAULTS[fault] ?? '';
        },
        isPartial,
      );
    }
    const changes = await fixture.database.any(
      'select rule, reason, to_state from keepwatch.alert_transition where slot > $<start>',
      { start: new Date(START) },
    );
    assert.deepEqual(changes, []);
    const [state] = await fixture.database.any('select count(*)::int, min(state), max(state) from keepwatch.alert_instance');
    assert.deepEqual(state, { count: RULES * NAMES.length, min: 'firing', max: 'firing' });
    assert.deepEqual([...met.keys()].sort(), names.sort());
    const outcomes = await fixture.database.any<{ sqlstate: string | null; partial: boolean }>(
      'select distinct sqlstate, partial from keepwatch.alert_evaluation',
    );
    assert.ok(['22012', '57014'].every((one) => outcomes.some(({ sqlstate }) => sqlstate === one)));
    assert.ok(outcomes.some(({ partial }) => partial));
    await evaluate(slots + 1, () => CLEAR);
    const [after] = await fixture.database.any('select count(*)::int, min(state), max(state) from keepwatch.alert_instance');
    assert.deepEqual(after, { count: RULES * NAMES.length, min: 'ok', max: 'ok' }, 'and what is over is over');
  });
});
