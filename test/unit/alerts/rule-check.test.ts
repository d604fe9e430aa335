import assert from 'node:assert/strict';
import type { Rule } from '../../../src/alerts/rule.ts';
import { checkRule } from '../../../src/alerts/rule-check.ts';
import { loadSqlParser } from '../../../src/alerts/sql-parser.ts';

const SOURCE = { file: 'rules.yaml', lineOf: () => 1 };
const PLAIN = {
  alert: 'A',
  query: 'select name, count(*) as value from events where at >= :now group by name',
  fire_when: 'value > 1',
};

function check(rule: Record<string, unknown>) {
  return checkRule(rule, { group: 'g', everyMs: 60_000, source: SOURCE, path: [] });
}

function ruleOf(rule: Record<string, unknown>): Rule {
  const checked = check({ ...PLAIN, ...rule });
  assert.deepEqual(checked.problems, []);
  assert.ok(checked.rule !== undefined);
  return checked.rule;
}

const problemsOf = (rule: Record<string, unknown>) => check({ ...PLAIN, ...rule }).problems.map(({ message }) => message);

describe('checkRule', () => {
  before(loadSqlParser);

  it('fills in what a rule does not say', () => {
    const { uid, name, ...rest } = ruleOf({});
    assert.deepEqual([uid, name], ['g/A', 'A']);
    const { keepFiringForMs, missing, noData, onError, steps, latch, maxMessages, context, expect, labels, notify } = rest;
    assert.deepEqual(
      { for: rest.for, keepFiringForMs, missing, noData, onError, steps, latch, maxMessages, context, expect, labels, notify },
      {
        for: { ms: 0 },
        keepFiringForMs: 0,
        missing: { policy: 'keep', after: 1 },
        noData: { policy: 'keep', after: 1 },
        onError: { policy: 'keep', afterMs: 300_000 },
        steps: [],
        latch: false,
        maxMessages: 500,
        context: undefined,
        expect: [],
        labels: {},
        notify: undefined,
      },
    );
  });

  it('keeps the groups and uids of Keepwatch to itself', () => {
    const named = (group: string, uid?: string) =>
      checkRule(
        { ...PLAIN, ...(uid === undefined ? {} : { uid }) },
        { group, everyMs: 60_000, source: SOURCE, path: [] },
      ).problems.map(({ message }) => message);
    for (const group of ['keepwatch targets', 'keepwatch:', 'keepwatch:rules'])
      assert.deepEqual(named(group), [`the group "${group}" is Keepwatch's own; allowed: another name`]);
    for (const uid of ['keepwatch:', 'keepwatch:rule-error/g'])
      assert.deepEqual(named('g', uid), [`uid: got "${uid}"; allowed: a uid that does not begin with "keepwatch:"`]);
    assert.deepEqual([...named('keepwatch'), ...named('g', 'keepwatch')], []);
  });

  it('reads every policy', () => {
    const rule = ruleOf({
      uid: 'http-errors',
      for: { samples: 3, of: 5 },
      keep_firing_for: '5m',
      missing: { policy: 'ok', after: 5 },
      no_data: { policy: 'nodata' },
      on_error: { policy: 'alert', after: '10m' },
      latch: true,
      max_messages: 20,
      params: { window: '5m' },
      context: { query: 'select error from events where at >= :now - :window and name = :label_name', limit: 3 },
      expect: [{ name: 'a' }, { name: 7 }],
    });
    assert.equal(rule.uid, 'http-errors');
    assert.deepEqual(rule.for, { samples: 3, of: 5 });
    assert.equal(rule.keepFiringForMs, 300_000);
    assert.deepEqual(rule.missing, { policy: 'ok', after: 5 });
    assert.deepEqual(rule.noData, { policy: 'nodata', after: 1 });
    assert.deepEqual(rule.onError, { policy: 'alert', afterMs: 600_000 });
    assert.deepEqual([rule.latch, rule.maxMessages], [true, 20]);
    assert.equal(rule.context?.limit, 3);
    const bound = rule.context?.compiled.values(0, { name: 'GET /' });
    assert.deepEqual(bound, ['1969-12-31T23:55:00.000Z', 'GET /']);
    assert.deepEqual(rule.compiled.values(0), ['1970-01-01T00:00:00.000Z']);
    assert.deepEqual(rule.expect, [{ name: 'a' }, { name: '7' }]);
  });

  it('reads an expect that is a query, with a parameter of its own', () => {
    const { expect } = ruleOf({ params: { kind: 'api' }, expect: { query: 'select service from sources where type = :kind' } });
    assert.ok('query' in expect);
    assert.deepEqual(expect.compiled.values(0), ['api']);
  });

  it('fires a rule with steps on any of them', () => {
    const steps = [
      { severity: 'warning', fire_when: 'value > 0.9' },
      { severity: 'critical', fire_when: 'value >= 1 and events > 2' },
    ];
    const rule = ruleOf({ fire_when: undefined, steps });
    assert.deepEqual(
      rule.steps.map(({ severity, fireWhen }) => [severity, fireWhen.text]),
      [
        ['warning', 'value > 0.9'],
        ['critical', 'value >= 1 and events > 2'],
      ],
    );
    assert.equal(rule.fireWhen.text, '(value > 0.9) or (value >= 1 and events > 2)');
    assert.deepEqual(rule.fireWhen.columns, ['value', 'events']);
    const fires = (value: number) => rule.fireWhen.evaluate(new Map(Object.entries({ value, events: 1 })));
    assert.deepEqual([fires(0.5), fires(0.95)], [false, true]);
  });

  const refused: [string, Record<string, unknown>, string[]][] = [
    [
      'no query',
      { query: undefined },
      ['has no query; allowed: query, or one of error_rate, latency, throughput, absence, budget'],
    ],
    [
      'neither fire_when nor steps',
      { fire_when: undefined },
      ['has neither fire_when nor steps; allowed: fire_when, or steps with a fire_when each'],
    ],
    [
      'fire_when and steps',
      { steps: [{ severity: 'a', fire_when: 'value > 1' }] },
      ['has fire_when and steps; allowed: fire_when, or steps with a fire_when each'],
    ],
    [
      'a severity beside steps, and one twice',
      {
        fire_when: undefined,
        labels: { severity: 'page' },
        steps: [
          { severity: 'a', fire_when: 'value > 1' },
          { severity: 'a', fire_when: 'value > 2' },
        ],
      },
      ['steps[1].severity: "a" is there twice', 'labels.severity: is given by the steps; allowed: a severity in each step alone'],
    ],
    ['samples', { for: { samples: 6, of: 5 } }, ['for.samples: got 6 samples of 5; allowed: at most as many as "of" says']],
    ['of', { for: { samples: 3, of: 33 } }, ['for.of: allowed: a whole number from 1 to 32']],
    ['for', { for: 5 }, ['for: allowed: a duration such as 3m, or { samples: 3, of: 5 }']],
    ['for', { for: { sample: 3, of: 5 } }, ['for: samples: allowed: a whole number from 1 to 32']],
    ['a policy', { missing: { policy: 'resolve' } }, ['missing.policy: allowed: keep, ok, alert, nodata']],
    ['after', { no_data: { policy: 'ok', after: 0 } }, ['no_data.after: allowed: a whole number from 1 to 10000']],
    ['a limit', { context: { query: 'select 1', limit: 21 } }, ['context.limit: allowed: a whole number from 1 to 20']],
    ['a query of context', { context: { query: 'select now()' } }, ['context.query: now() reads the wall clock; allowed: :now']],
    ['a parameter that nobody reads', { params: { a: 1 } }, ['query: the parameter "a" is declared, but the query has no :a']],
    [
      'a label of ours expected',
      { expect: [{ alertname: 'x' }] },
      ['expect: allowed: a list of at most 1000 label sets, such as [{ service: shop }], or { query: … }'],
    ],
    ['a step too many', { fire_when: undefined, steps: [] }, ['steps: allowed: at least one step']],
    ['a misspelt key within', { on_error: { polcy: 'keep', after: '5m' } }, ['on_error.policy: allowed: keep, alert']],
  ];
  for (const [what, rule, messages] of refused) {
    it(`refuses ${what}: ${messages[0]}`, () => {
      const found = problemsOf(rule);
      assert.deepEqual(found.slice(0, messages.length), messages);
    });
  }

  it('suggests what a misspelt key may have meant, each on its own', () => {
    assert.deepEqual(problemsOf({ keep_fireing_for: '5m', on_eror: {}, zzzzzzzzzzzz: 1 }).slice(0, 2), [
      'keep_fireing_for: unknown key; did you mean keep_firing_for?',
      'on_eror: unknown key; did you mean on_error?',
    ]);
  });
});
