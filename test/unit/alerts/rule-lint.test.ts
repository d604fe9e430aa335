import assert from 'node:assert/strict';
import type { Rule } from '../../../src/alerts/rule.ts';
import { lintRule } from '../../../src/alerts/rule-lint.ts';
import { loadSqlParser } from '../../../src/alerts/sql-parser.ts';
import { loadText } from '../../support/alerts.ts';

const GOOD = `select service, count(*) as events, count(*)::float8 / count(*) as value
          from keepwatch.observability_metrics where end_time >= :now - :window and end_time < :now group by service`;

/** A file with one rule; `lines` replace those of the same key. */
function lint(lines: Record<string, string>, query = GOOD): string[] {
  const rule = { query: `|\n          ${query}`, params: '{ window: 5m }', fire_when: 'value > 0.1 and events >= 50', ...lines };
  const text = Object.entries(rule).flatMap(([key, value]) => (value === '' ? [] : [`        ${key}: ${value}\n`]));
  const { groups, problems, warnings } = loadText(`groups:\n  - name: g\n    rules:\n      - alert: A\n${text.join('')}`);
  const all = [...problems.map((one) => ({ ...one, kind: 'refused' })), ...warnings.map((one) => ({ ...one, kind: 'warned' }))];
  assert.equal(groups[0]?.rules.length, problems.length > 0 ? 0 : 1);
  return all.map(({ kind, line, message }) => `${kind} ${line} ${message.replace('groups[0].rules[0].', '')}`);
}

describe('lintRule', () => {
  before(loadSqlParser);

  const cases: [string, Record<string, string>, string[], string?][] = [
    ['a good rule', { clear_when: 'value < 0.05' }, []],
    [
      'a fire_when that never is true',
      { fire_when: 'value > 2 and value < 1 and events > 1' },
      ['refused 9 fire_when: "value > 2 and value < 1 and events > 1" can never be true; mend its bounds'],
    ],
    [
      'a fire_when that always is true',
      { fire_when: 'value > 0 or value <= 0 or events > 1' },
      [
        'warned 9 fire_when: "value > 0 or value <= 0 or events > 1" is true for every number: the alert fires wherever there is a row; give it a bound',
      ],
    ],
    [
      'a clear_when that never is true',
      { clear_when: 'value < 0.05 and value > 0.06' },
      [
        'refused 10 clear_when: "value < 0.05 and value > 0.06" can never be true, so that the alert would never resolve; mend its bounds',
      ],
    ],
    [
      'a clear_when that only is true where fire_when is',
      { clear_when: 'value > 0.2 and events >= 60' },
      [
        'refused 10 clear_when: "value > 0.2 and events >= 60" is only true where fire_when is, which wins, so that the alert would never resolve; let it begin where fire_when ends, such as "not (value > 0.1 and events >= 50)"',
      ],
    ],
    [
      'a clear_when that overlaps fire_when',
      { clear_when: 'value < 0.2' },
      [
        'warned 10 clear_when: is true together with fire_when for value = 0.15000000000000002, events = 50, where fire_when wins; let it begin where that ends',
      ],
    ],
    ['conditions of two columns', { fire_when: 'value > events', clear_when: 'value < events' }, []],
    ...['min(value, 1) > 2', 'max(value, 2) < 1', 'value / 0 < 1', 'value < events and value > events', 'value * value < 0'].map(
      (clear): [string, Record<string, string>, string[]] => [
        `a clear_when that never is true: ${clear}`,
        { clear_when: clear },
        [`refused 10 clear_when: "${clear}" can never be true, so that the alert would never resolve; mend its bounds`],
      ],
    ),
    ...['min(value, 1) > 2 and events > 1', 'value / 0 > 2', 'value > events and value < events'].map(
      (fire): [string, Record<string, string>, string[]] => [
        `a fire_when that never is true: ${fire}`,
        { fire_when: fire },
        [`refused 9 fire_when: "${fire}" can never be true; mend its bounds`],
      ],
    ),
    [
      'a clear_when under any count',
      { fire_when: 'value > 9', clear_when: 'value < 0', params: '' },
      [
        'refused 8 clear_when: "value < 0" can never be true ("value" is a count, so never negative), so that the alert would never resolve; mend its bounds',
      ],
      "select service, count(*) filter (where status = 'failure') as value from keepwatch.events where end_time < :now group by 1",
    ],
    [
      'a clear_when under a difference of counts',
      { fire_when: 'value > 9', clear_when: 'value < 0', params: '' },
      [],
      'select service, 1 - count(*) as value from keepwatch.events where end_time < :now group by 1',
    ],
    [
      'a for between the slots',
      { for: '90s' },
      ['warned 10 for: 90s is no multiple of every (1m), so that it means 2m; write 2m'],
    ],
    [
      'a keep_firing_for between the slots',
      { keep_firing_for: '30s' },
      ['warned 10 keep_firing_for: 30s is no multiple of every (1m), so that it means 1m; write 1m'],
    ],
    [
      'a window that leaves something out',
      { params: '{ window: 30s }' },
      [
        'warned 8 params.window: the window of 30s is shorter than every (1m): what ends between is never looked at; make it at least 1m',
      ],
    ],
    [
      'a ratio of few',
      { fire_when: 'value > 0.1' },
      [
        'warned 9 fire_when: compares a share whatever it is a share of: 1 failure of 2 is 50 %; add "count(*) as events" to the query, and "and events >= 50" here',
      ],
    ],
    [
      'a latch that never clears',
      { latch: 'true', clear_when: 'value < 0.05', keep_firing_for: '1m' },
      [
        'warned 11 clear_when: has no effect with latch: the alert fires until its labels change; leave it out',
        'warned 12 keep_firing_for: has no effect with latch: the alert fires until its labels change; leave it out',
      ],
    ],
    [
      'a page without runbook and example',
      { labels: '{ severity: page }' },
      [
        'warned 4 annotations: severity page wakes a person, who is not told what to do; add the annotation runbook_url',
        'warned 4 alert: severity page wakes a person, who sees no example; add context: { query: … }',
      ],
    ],
    [
      'steps of which one is hidden',
      {
        fire_when: '',
        steps:
          '[{ severity: info, fire_when: value > 2 and events > 9 }, { severity: warning, fire_when: value > 1 and events > 9 }]',
      },
      [
        'warned 9 steps[0]: "info" is never told: "warning", which counts as worse, is true wherever it is; put the mildest step first',
      ],
    ],
    [
      'a query without an end',
      {},
      ['warned 5 query: reads all of observability_metrics; bound it: end_time >= :now - :window and end_time < :now'],
      'select service, 1 as value, 1 as events, :window::text as w from keepwatch.observability_metrics group by service',
    ],
    [
      'select *',
      { params: '' },
      ['warned 5 query: has select *, which changes when a column is added; name the columns'],
      'select * from events where at > :now',
    ],
    [
      'a number named as a label',
      { labels: '{ team: x }', params: '' },
      [
        'warned 5 query: "service" is a number (count()), named as a label; numbers are values: rename it, or cast it to text',
        'warned 5 query: "team" is a number (::float8), named as a label; numbers are values: rename it, or cast it to text',
      ],
      'select count(*) as service, 1::float8 as team, (1 + 1) as name, 1 as value, 1 as events from events where at > :now',
    ],
    ...(
      [
        ['source_id as service', 'service', 'source_id'],
        ['e.weight as status', 'status', 'weight'],
        ['extract(hour from end_time) as name', 'name', 'extract()'],
        ['count(*) service', 'service', 'count()'],
        ["count(*) filter (where status = 'failure') as name", 'name', 'count()'],
        ['duration_ms as route', 'route', 'duration_ms'],
        ['1 as type', 'type', '1'],
        ['duration_ms::double precision as type', 'type', '::double precision'],
        ['cast(weight as bigint) as tenant_id', 'tenant_id', 'cast as bigint'],
        ['max(duration_ms) as "name"', 'name', 'max()'],
      ] as const
    ).map(([column, name, shown]): [string, Record<string, string>, string[], string] => [
      `a number named as a label: ${column}`,
      { params: '', fire_when: 'value > 1' },
      [`warned 5 query: "${name}" is a number (${shown}), named as a label; numbers are values: rename it, or cast it to text`],
      `select ${column}, 2 as value from keepwatch.events e where end_time < :now`,
    ]),
    [
      'texts, and numbers that a condition compares',
      { params: '', fire_when: 'value > 1 and tenant_id > 5' },
      [],
      'select max(name) as name, source_id::text as service, 5 as tenant_id, (select 1) as model, count(*) as value from keepwatch.events where end_time < :now',
    ],
  ];
  for (const [what, lines, expected, query] of cases) {
    it(`${expected[0]?.split(' ')[0] ?? 'passes'}: ${what}`, () => {
      assert.deepEqual(lint(lines, query), expected);
    });
  }

  it('ends soon, however long the conditions of its steps are', () => {
    const steps = Array.from({ length: 10 }, (_, step) => {
      const bounds = Array.from({ length: 25 }, (_, index) => `a > ${index} and b < ${step}.${index}`);
      return { severity: `s${step}`, fire_when: bounds.join(' or ') };
    });
    const given = { alert: 'A', query: 'select 1 as a, 2 as b', clear_when: 'a < 0', steps };
    const [rule] = loadText(JSON.stringify({ groups: [{ name: 'g', rules: [given] }] })).groups[0]?.rules ?? [];
    assert.ok(rule);
    let compared = 0;
    const counting = <One extends Rule['fireWhen']>(condition: One): One => ({
      ...condition,
      evaluate(row) {
        compared += condition.text.split(/ and | or /).length;
        return condition.evaluate(row);
      },
    });
    const counted = rule.steps.map((step) => ({ ...step, fireWhen: counting(step.fireWhen) }));
    lintRule({ ...rule, fireWhen: counting(rule.fireWhen), steps: counted }, 60_000, { refuse: () => {}, warn: () => {} });
    assert.ok(compared <= 700_000, `${compared} comparisons`);
  });
});
