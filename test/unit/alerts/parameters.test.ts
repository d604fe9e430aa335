import assert from 'node:assert/strict';
import type { ParameterValue } from '../../../src/alerts/parameter-bindings.ts';
import { compileQuery } from '../../../src/alerts/parameters.ts';
import { loadSqlParser } from '../../../src/alerts/sql-parser.ts';

describe('compileQuery', () => {
  before(loadSqlParser);

  it('binds each parameter with its type, however often it is used', () => {
    const params = { window: '5m', limit: 10, share: 0.5, name: 'POST /chat', strict: true };
    const query = 'select :name, :limit, :share, :strict from events where at >= :now - :window and at < :now';
    const { text, values } = compileQuery(query, params);
    assert.equal(
      text,
      'select $1::text, $2::bigint, $3::double precision, $4::boolean from events where at >= $5::timestamptz and at < $6::timestamptz',
    );
    const moments = ['2023-11-14T22:08:20.123Z', '2023-11-14T22:13:20.123Z'];
    assert.deepEqual(values(1_700_000_000_123), ['POST /chat', 10, 0.5, true, ...moments]);
  });

  it('leaves literals, quoted names, comments, dollar quotes and casts alone', () => {
    const query = [
      `select ':now', e'it\\'s :now', 'it''s :now', ":now", "a"":now" -- :now`,
      `, $$ :now $$, $x$ $$ :now $x$ /* :now /* :now */ :now */, a::text, b ::date`,
    ].join('\n');
    assert.equal(compileQuery(query, {}).text, query);
    assert.deepEqual(compileQuery(query, {}).values(0), []);
  });

  it('takes a semicolon at the end, and a comment after it', () => {
    assert.equal(compileQuery('select 1; -- done', {}).text, 'select 1');
  });

  const refused: [string, Record<string, ParameterValue>, RegExp][] = [
    [
      'select\n:windw, :window',
      { window: '5m' },
      /^line 2: the parameter ":windw" is not declared in params; allowed: :now, :window$/,
    ],
    ['select 1', { window: '5m' }, /^the parameter "window" is declared, but the query has no :window$/],
    ['select :now', { now: '5m' }, /the parameter "now" is given by Keepwatch/],
    ['select $1', {}, /found "\$"; allowed: parameters by name/],
    ['select 1;\nselect 2', {}, /^line 1: found ";"; allowed: one statement$/],
    ['select now()', {}, /^line 1: now\(\) reads the wall clock; allowed: :now$/],
    ['select pg_catalog . NOW ( )', {}, /now\(\) reads the wall clock/],
    ['select "now"()', {}, /now\(\) reads the wall clock/],
    ['select 1,\n  current_timestamp', {}, /^line 2: current_timestamp reads the wall clock/],
    ["select clock_timestamp() - interval '1 s', localtime", {}, /clock_timestamp\(\) reads.*\nline 1: localtime reads/],
    ["select 'now'::timestamptz", {}, /now reads the wall clock/],
    ["select cast(' Today ' as date)", {}, /reads the wall clock/],
    ["select timestamptz 'yesterday'", {}, /yesterday reads the wall clock/],
    ['select age(end_time) from events', {}, /age\(\) reads the wall clock/],
    ['select random()', {}, /random\(\) gives another answer each time/],
    ['delete from t', {}, /has to begin with select or with/],
    ['', {}, /is empty/],
    ["select 'abc", {}, /^line 1: a string begins here and never ends$/],
    ['select 1 /* a /* b */', {}, /^line 1: a comment begins here and never ends$/],
    ['select $x$ abc $y$', {}, /dollar-quoted string begins here/],
    [`select '${'x'.repeat(70_000)}'`, {}, /is 70009 bytes long; allowed: 65536/],
  ];
  for (const [query, params, message] of refused) {
    it(`refuses ${JSON.stringify(query.slice(0, 50))}`, () => {
      assert.throws(() => compileQuery(query, params), { code: 'ERR_RULES_INVALID', message });
    });
  }

  it('takes what only looks like the clock', () => {
    const query = `select age(end_time, :now), t.now, "current_date", 'now', 'today'::text, now_ms from events as t`;
    assert.doesNotThrow(() => compileQuery(query, {}));
  });

  it('binds labels of an alert in a context query, and nowhere else', () => {
    const query = 'select * from events where service = :label_service and name = :label_name and end_time < :now - :window';
    const { text, values } = compileQuery(query, { window: '5m', other: 1 }, { hasLabels: true });
    assert.equal(text, 'select * from events where service = $1::text and name = $2::text and end_time < $3::timestamptz');
    assert.deepEqual(values(0, { service: "o'shop" }), ["o'shop", '', '1969-12-31T23:55:00.000Z']);
    assert.throws(() => compileQuery(query, { window: '5m' }), { message: /":label_service" is not declared/ });
  });

  const MOMENTS: readonly [string, string][] = [
    ['select :now - :window', 'select $1::timestamptz'],
    ['select (:now+:window), :now, :window', 'select ($1::timestamptz), $2::timestamptz, $3::interval'],
    ['select x >= :now - :window and x < :now - :long', 'select x >= $1::timestamptz and x < $2::timestamptz'],
    ['select x between :now - :window and :now', 'select x between $1::timestamptz and $2::timestamptz'],
    ['select greatest(:now - :window, :now - :window)', 'select greatest($1::timestamptz, $1::timestamptz)'],
    ['select :now - :window - :long', 'select $1::timestamptz - $2::interval'],
    // Anything that binds as tight as the sum, or tighter, is left to Postgres.
    ['select y + :now - :window', 'select y + $1::timestamptz - $2::interval'],
    ['select :now - :window * 2', 'select $1::timestamptz - $2::interval * 2'],
    ['select :now - :window / 2', 'select $1::timestamptz - $2::interval / 2'],
    ['select :now - :window::text', 'select $1::timestamptz - $2::interval::text'],
    ["select :now - :window at time zone 'UTC'", "select $1::timestamptz - $2::interval at time zone 'UTC'"],
    ['select x at time zone :now - :window', 'select x at time zone $1::timestamptz - $2::interval'],
    ['select :now - - :window', 'select $1::timestamptz - - $2::interval'],
    // So is what a Date cannot hold, and what is no duration; and lines stay lines.
    ['select :now - :tiny', 'select $1::timestamptz - $2::interval'],
    ['select :now - :ages', 'select $1::timestamptz - $2::interval'],
    ['select :now - :count', 'select $1::timestamptz - $2::bigint'],
    ['select :now -\n:window', 'select $1::timestamptz -\n$2::interval'],
    ['select :now - /* a */ :window', 'select $1::timestamptz - /* a */ $2::interval'],
    ['select :window - :now', 'select $1::interval - $2::timestamptz'],
  ];
  const DURATIONS = { window: '5m', long: '1h', tiny: '0.5ms', ages: '999999999d', count: 3 };
  for (const [query, text] of MOMENTS) {
    it(`binds the moments of ${JSON.stringify(query)}`, () => {
      const params = Object.fromEntries(Object.entries(DURATIONS).filter(([name]) => query.includes(`:${name}`)));
      assert.equal(compileQuery(query, params).text, text);
    });
  }

  it('binds a list as an array, apart from the text of the same name', () => {
    const params = { names: '{a,b}', ids: '{1}', window: '5m' };
    const query =
      'select :names, x = any(:names::text[]), y = any (:ids :: bigint [ ]), :names::text, :window::text[], :names::text[1], :names::text[]';
    const { text, values } = compileQuery(query, params);
    assert.equal(
      text,
      'select $1::text, x = any($2::text[]), y = any ($3 :: bigint [ ]), $1::text::text, $4::interval::text[], $1::text::text[1], $2::text[]',
    );
    assert.deepEqual(values(0), ['{a,b}', '{a,b}', '{1}', '300000 milliseconds']);
  });

  it('refuses the same of parameters that stand in lists and sums', () => {
    assert.throws(() => compileQuery('select :now - :windw', { window: '5m' }), { message: /":windw" is not declared/ });
    assert.throws(() => compileQuery('select :names::regclass[]', { names: '{}' }), { message: /type regclass is not allowed/ });
  });

  it('is quick with the longest comments and strings', () => {
    const startedAt = performance.now();
    assert.doesNotThrow(() => compileQuery(`select ${'/*'.repeat(15_000)}${'*/'.repeat(15_000)} '${"''".repeat(1000)}'`, {}));
    assert.ok(performance.now() - startedAt < 1000);
  });
});
