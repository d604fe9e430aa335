import assert from 'node:assert/strict';
import { compileQuery, type ParameterValue } from '../../../src/alerts/parameters.ts';
import { loadSqlParser } from '../../../src/alerts/sql-parser.ts';

describe('compileQuery', () => {
  before(loadSqlParser);

  it('binds each parameter with its type, however often it is used', () => {
    const params = { window: '5m', limit: 10, share: 0.5, name: 'POST /chat', strict: true };
    const query = 'select :name, :limit, :share, :strict from events where at >= :now - :window and at < :now';
    const { text, values } = compileQuery(query, params);
    assert.equal(
      text,
      'select $1::text, $2::bigint, $3::double precision, $4::boolean from events where at >= $5::timestamptz - $6::interval and at < $5::timestamptz',
    );
    assert.deepEqual(values(1_700_000_000_123), ['POST /chat', 10, 0.5, true, '2023-11-14T22:13:20.123Z', '300000 milliseconds']);
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
    assert.equal(
      text,
      'select * from events where service = $1::text and name = $2::text and end_time < $3::timestamptz - $4::interval',
    );
    assert.deepEqual(values(0, { service: "o'shop" }), ["o'shop", '', '1970-01-01T00:00:00.000Z', '300000 milliseconds']);
    assert.throws(() => compileQuery(query, { window: '5m' }), { message: /":label_service" is not declared/ });
  });

  it('is quick with the longest comments and strings', () => {
    const startedAt = performance.now();
    assert.doesNotThrow(() => compileQuery(`select ${'/*'.repeat(15_000)}${'*/'.repeat(15_000)} '${"''".repeat(1000)}'`, {}));
    assert.ok(performance.now() - startedAt < 1000);
  });
});
