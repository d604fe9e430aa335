import assert from 'node:assert/strict';
import { checkRule } from '../../../src/alerts/rule-check.ts';
import { toSeries } from '../../../src/alerts/series.ts';
import { loadSqlParser } from '../../../src/alerts/sql-parser.ts';

describe('toSeries', () => {
  before(loadSqlParser);

  it('names the numbers that nothing reads when two rows are the same series', () => {
    const { rule } = checkRule(
      {
        alert: 'A',
        query: 'select service, source_id, weight, events, value from events where at < :now',
        fire_when: 'value > 1 and events > 2',
        annotations: { summary: '$' + '{weight}' },
      },
      { group: 'g', everyMs: 60_000, source: { file: 'rules.yaml', lineOf: () => 1 }, path: [] },
    );
    assert.ok(rule !== undefined);
    const numbers = ['source_id', 'weight', 'events', 'value'].map((name) => ({ name, kind: 'number', type: 'bigint' }) as const);
    const columns = [{ name: 'service', kind: 'text', type: 'text' } as const, ...numbers];
    const twins = (rows: (string | number)[][]) => [...toSeries(rule, { columns, rows })];
    assert.equal(
      twins([
        ['a', 1, 1, 1, 1],
        ['b', 1, 1, 1, 1],
      ]).length,
      2,
    );
    assert.throws(
      () =>
        twins([
          ['a', 1, 1, 1, 1],
          ['a', 2, 1, 1, 1],
        ]),
      {
        message:
          'two rows have the same labels {"service":"a"}; group by all text columns; "source_id" is a number, which no condition reads: cast to text what tells series apart, and group by it',
      },
    );
  });
});
