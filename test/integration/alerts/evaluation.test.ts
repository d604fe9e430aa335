// biome-ignore-all lint/suspicious/noTemplateCurlyInString: annotations are templates
// What evaluations do to states that are kept in Postgres, in virtual time.
import assert from 'node:assert/strict';
import type { EvaluatorOptions } from '../../../src/alerts/evaluator.ts';
import { prune } from '../../../src/alerts/pruning.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { type AlertsFixture, type FixtureOptions, insertEvents, openAlertsFixture, parseRules } from '../../support/alerts.ts';

const MINUTE = 60_000;
const START = Math.floor((Date.now() - 3_600_000) / MINUTE) * MINUTE;

interface RuleText {
  readonly query?: string;
  /** Sent to Postgres in place of the query: SQL that is refused when a rule is read. */
  readonly sent?: string;
  readonly fireWhen?: string;
  readonly clearWhen?: string;
  readonly wait?: string;
  readonly summary?: string;
}

/** A rule over the last minute: fires above 10 failures, clears below 5. Always the same group and name: the queries differ. */
function ruleOf({
  query,
  sent,
  fireWhen = 'value > 10',
  clearWhen,
  wait = '0s',
  summary = 'is ${value}',
}: RuleText = {}): readonly RuleGroup[] {
  const groups = parseRules(
    JSON.stringify({
      groups: [
        {
          name: 'g',
          every: '1m',
          rules: [
            {
              alert: 'Failures',
              query:
                query ??
                `select name, count(*) filter (where status = 'failure') as value from keepwatch.observability_metrics
          where end_time >= :now - interval '1 minute' and end_time < :now group by name`,
              fire_when: fireWhen,
              ...(clearWhen === undefined ? {} : { clear_when: clearWhen }),
              for: wait,
              annotations: { summary },
            },
          ],
        },
      ],
    }),
  );
  if (sent === undefined) return groups;
  const compiled = { text: sent, values: () => [] };
  return groups.map((group) => ({ ...group, rules: group.rules.map((rule) => ({ ...rule, compiled })) }));
}

describe('Evaluator', function () {
  this.timeout(30_000);
  let fixture: AlertsFixture;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
  });
  afterEach(() => fixture.close());

  const evaluate = async (minute: number, groups: readonly RuleGroup[], options: FixtureOptions = {}, isPartial = false) => {
    const [group] = groups;
    assert.ok(group !== undefined);
    return await fixture
      .createEvaluator(groups, options)
      .evaluateGroup(group, { slotMs: START + minute * MINUTE, isPartial, missed: 0 });
  };
  const insert = (minute: number, failures: number, name = 'a') =>
    insertEvents(fixture.database, {
      count: 20,
      failures,
      name,
      fromMs: START + (minute - 1) * MINUTE,
      toMs: START + minute * MINUTE,
    });
  const transitions = async () =>
    (
      await fixture.database.any<{ text: string }>(
        `select labels->>'name' || ' ' || from_state || ' ' || to_state || coalesce(' ' || suppressed, '') as text from keepwatch.alert_transition order by id`,
      )
    ).map(({ text }) => text);
  const instance = () =>
    fixture.database.one<{ state: string; value: number; held_ms: string; summary: string }>(
      `select state, value, held_ms, annotations->>'summary' as summary from keepwatch.alert_instance`,
    );
  const lastEvaluation = () =>
    fixture.database.one<{ outcome: string; sqlstate: string | null; error: string | null; series: number; partial: boolean }>(
      'select outcome, sqlstate, error, series, partial from keepwatch.alert_evaluation order by slot desc limit 1',
    );

  it('keeps states over a restart: no second firing, no false resolved', async () => {
    for (let minute = 1; minute <= 6; minute++) await insert(minute, minute <= 4 ? 15 : 0);
    for (let minute = 1; minute <= 6; minute++) {
      // Each slot by a new evaluator: nothing is remembered in the process.
      await evaluate(minute, ruleOf({ wait: '2m' }));
      if (minute === 4) assert.deepEqual(await transitions(), ['a ok pending', 'a pending firing']);
    }
    assert.deepEqual(await transitions(), ['a ok pending', 'a pending firing', 'a firing ok']);
    const messages = await fixture.database.any<{ reason: string }>(
      'select reason from keepwatch.notification_outbox order by created_at',
    );
    assert.deepEqual(messages, [{ reason: 'firing' }, { reason: 'resolved' }]);
    const { payload } = await fixture.database.one<{ payload: Record<string, unknown> }>(
      `select payload from keepwatch.notification_outbox where reason = 'resolved'`,
    );
    assert.equal(payload['startsAt'], new Date(START + 3 * MINUTE).toISOString());
    assert.equal(payload['endsAt'], new Date(START + 5 * MINUTE).toISOString());
    assert.equal(payload['activeAt'], new Date(START + MINUTE).toISOString());
  });

  const noAnswer: [string, RuleText, Partial<EvaluatorOptions>, { outcome: string; sqlstate: string | null; error: RegExp }][] = [
    [
      'an error of the query',
      { query: `select 'a' as name, 1 / 0 as value` },
      {},
      { outcome: 'error', sqlstate: '22012', error: /division by zero/ },
    ],
    [
      'a relation that is not there',
      { sent: 'select name, value from nothing' },
      {},
      { outcome: 'error', sqlstate: '42P01', error: /nothing/ },
    ],
    [
      'a relation that is not published',
      { sent: 'select rule as name, 0 as value from keepwatch.alert_group, keepwatch.alert_evaluation' },
      {},
      { outcome: 'error', sqlstate: '42501', error: /permission denied/ },
    ],
    [
      'a query that hangs',
      { sent: `select 'a' as name, 0 as value from (select count(*) from generate_series(1, 1000000000000)) as endless` },
      { statementTimeoutMs: 100 },
      {
        outcome: 'error',
        sqlstate: '57014',
        error:
          /^rules\.yaml:\d+: the query took longer than 0\.1 s; bound it by :now - :window, or read rollups: canceling .* statement timeout/,
      },
    ],
    [
      'a series without a row',
      { query: `select 'a' as name, 0 as value where false` },
      {},
      { outcome: 'ok', sqlstate: null, error: /^$/ },
    ],
    [
      'too many series',
      { query: `select case n when 1 then 'a' else n::text end as name, 0 as value from generate_series(1, 20001) n` },
      {},
      { outcome: 'error', sqlstate: null, error: /more than 20000 series/ },
    ],
    [
      'an answer that is too large',
      { sent: `select 'a' as name, repeat('x', 20000000) as text, 0 as value` },
      {},
      { outcome: 'error', sqlstate: null, error: /larger than 16777216 bytes/ },
    ],
    ['a null', { query: `select 'a' as name, null::float8 as value` }, {}, { outcome: 'ok', sqlstate: null, error: /^$/ }],
    ['not a number', { query: `select 'a' as name, 'NaN'::float8 as value` }, {}, { outcome: 'ok', sqlstate: null, error: /^$/ }],
    [
      'two rows of one series',
      { query: `select 'a' as name, n - 1 as value from generate_series(1, 2) n` },
      {},
      { outcome: 'error', sqlstate: null, error: /two rows have the same labels \{"name":"a"\}/ },
    ],
    [
      'a column that is neither text nor number',
      { query: `select 'a' as name, 0 as value, :now as at` },
      {},
      { outcome: 'error', sqlstate: null, error: /"at" is timestamptz; allowed: text/ },
    ],
    [
      'a condition without its column',
      { query: `select 'a' as name, 0 as vlaue` },
      {},
      { outcome: 'error', sqlstate: null, error: /fire_when: there is no column "value"; the query gives these numbers: vlaue/ },
    ],
    [
      'a column with the name of a label of ours',
      { query: `select 'a' as name, 'x' as alertname, 0 as value` },
      {},
      { outcome: 'error', sqlstate: null, error: /"alertname" is given by Keepwatch/ },
    ],
  ];
  for (const [what, rule, options, expected] of noAnswer) {
    it(`neither resolves nor ends an incident by ${what}`, async () => {
      await insert(1, 15);
      await evaluate(1, ruleOf());
      await evaluate(2, ruleOf(rule), options);
      const { outcome, sqlstate, error } = await lastEvaluation();
      assert.deepEqual({ outcome, sqlstate }, { outcome: expected.outcome, sqlstate: expected.sqlstate });
      assert.match(error ?? '', expected.error);
      if (outcome === 'error') assert.match(error ?? '', /^rules\.yaml:\d+: /, 'the place of what has to be mended');
      await insert(3, 15);
      await evaluate(3, ruleOf());
      assert.equal((await instance()).state, 'firing');
      assert.deepEqual(await transitions(), ['a ok firing']);
    });
  }

  it('does not resolve on what the archive has only in part, and does on the whole', async () => {
    await insert(1, 15);
    await insert(2, 0);
    await insert(3, 0);
    await evaluate(1, ruleOf());
    await evaluate(2, ruleOf(), {}, true);
    assert.equal((await lastEvaluation()).partial, true);
    assert.deepEqual(await transitions(), ['a ok firing']);
    await evaluate(3, ruleOf());
    assert.deepEqual(await transitions(), ['a ok firing', 'a firing ok']);
  });

  it('holds between fire_when and clear_when', async () => {
    for (const [index, failures] of [15, 7, 7, 15, 4].entries()) {
      await insert(index + 1, failures);
      await evaluate(index + 1, ruleOf({ clearWhen: 'value < 5' }));
      if (failures > 5) assert.equal((await instance()).value, failures);
    }
    assert.deepEqual(await transitions(), ['a ok firing', 'a firing ok']);
  });

  it('stops the clock of a pending alert while there is no answer, and goes on after it', async () => {
    for (const minute of [1, 2, 4, 5, 6]) await insert(minute, 15);
    const rule = ruleOf({ wait: '2m' });
    const states: string[] = [];
    let before: unknown;
    for (let minute = 1; minute <= 6; minute++) {
      const isBroken = minute === 3;
      await evaluate(minute, isBroken ? ruleOf({ wait: '2m', query: `select 'a' as name, 1 / 0 as value` }) : rule);
      const row = await fixture.database.one('select * from keepwatch.alert_instance');
      if (isBroken) assert.deepEqual(row, before, 'an error changes nothing at all');
      before = row;
      const { state, held_ms } = await instance();
      states.push(`${state} ${held_ms}`);
    }
    assert.deepEqual(states, ['pending 0', 'pending 60000', 'pending 60000', 'pending 60000', 'firing 0', 'firing 0']);
  });

  it('lets several evaluators of one database commit each slot once', async () => {
    const minutes = Array.from({ length: 12 }, (_, index) => index + 1);
    for (const minute of minutes) await insert(minute, minute % 4 < 2 ? 15 : 0);
    let committed = 0;
    for (const minute of minutes) {
      const results = await Promise.all([1, 2, 3].map(() => evaluate(minute, ruleOf())));
      committed += results.filter((result) => result !== undefined).length;
    }
    assert.equal(committed, minutes.length);
    const [on, off] = ['a ok firing', 'a firing ok'];
    assert.deepEqual(await transitions(), [on, off, on, off, on, off, on]);
    const { messages } = await fixture.database.one<{ messages: number }>(
      'select count(*)::int as messages from keepwatch.notification_outbox',
    );
    assert.equal(messages, 7);
    assert.equal(await evaluate(5, ruleOf()), undefined, 'an old slot is nobody’s any more');
  });

  it('shows an annotation that cannot be filled, and goes on', async () => {
    await insert(1, 15);
    await evaluate(1, ruleOf({ summary: '${nmae}: ${value}' }));
    assert.equal((await instance()).summary, '<no value>: 15');
    const { outcome, error } = await lastEvaluation();
    assert.equal(outcome, 'ok');
    assert.match(error ?? '', /annotation summary: there is no column "nmae"; the query gives: name, value/);
  });

  it('keeps series apart, and evaluates the other rules when one fails', async () => {
    const [group] = ruleOf();
    const [broken] = ruleOf({ query: `select 'a' as name, 1 / 0 as value` });
    assert.ok(group?.rules[0] !== undefined && broken?.rules[0] !== undefined);
    await insert(1, 15, 'a');
    await insert(1, 0, 'b');
    await insert(1, 15, 'c');
    await evaluate(1, [{ ...group, rules: [{ ...broken.rules[0], name: 'Broken' }, group.rules[0]] }]);
    assert.deepEqual((await transitions()).sort(), ['a ok firing', 'c ok firing']);
    const outcomes = await fixture.database.any('select rule, outcome, series from keepwatch.alert_evaluation order by rule');
    assert.deepEqual(outcomes, [
      { rule: 'Broken', outcome: 'error', series: 0 },
      { rule: 'Failures', outcome: 'ok', series: 3 },
    ]);
  });

  it('records that nobody was told when there is no receiver', async () => {
    await insert(1, 15);
    await evaluate(1, ruleOf(), { receiversOf: () => [] });
    assert.deepEqual(await transitions(), ['a ok firing no_receiver']);
    assert.deepEqual(await fixture.database.any('select from keepwatch.notification_outbox'), []);
  });

  it('stores infinity and NaN as they are', async () => {
    await evaluate(1, ruleOf({ query: `select 'a' as name, 'Infinity'::float8 as value, 'NaN'::numeric as other` }));
    const { value, row } = await fixture.database.one<{ value: number; row: object }>(
      'select value, row from keepwatch.alert_instance',
    );
    assert.equal(value, Number.POSITIVE_INFINITY);
    assert.deepEqual(row, { name: 'a', value: 'Infinity', other: 'NaN' });
    await evaluate(2, ruleOf({ query: `select 'other' as name, 1 as value` }));
    assert.deepEqual(await transitions(), ['a ok firing']);
  });

  it('forgets series that are long gone, never one that fires, and leaves evaluations to those who hold no group', async () => {
    await insert(1, 0, 'a');
    await insert(1, 15, 'b');
    await evaluate(1, ruleOf());
    const [group] = ruleOf();
    assert.ok(group !== undefined);
    const later = Math.floor(START / 3_600_000) * 3_600_000 + 8 * 86_400_000;
    await fixture.createEvaluator([group]).evaluateGroup(group, { slotMs: later, isPartial: false, missed: 0 });
    assert.deepEqual(await fixture.database.any(`select labels->>'name' as name, state from keepwatch.alert_instance`), [
      { name: 'b', state: 'firing' },
    ]);
    assert.equal((await fixture.database.any('select from keepwatch.alert_evaluation')).length, 2);
    await fixture.database.none(
      `update keepwatch.alert_evaluation set slot = now() - interval '7 days 1 minute' where slot < $<later>`,
      {
        later: new Date(later),
      },
    );
    assert.equal(await prune({ database: fixture.database }), 1);
  });
});
