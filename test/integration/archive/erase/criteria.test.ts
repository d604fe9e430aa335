// What matches: the same for Postgres, which is asked by jsonpath, as for the bytes of the spool, which are looked at here.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createMatcher } from '../../../../src/archive/erase/criteria.ts';
import { KeepwatchError } from '../../../../src/errors.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';

describe('createMatcher', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  async function asks(metadata: unknown, path: string, vars: string): Promise<boolean> {
    const { found } = await test.database.one<{ found: boolean }>(
      'select jsonb_path_exists($1::jsonb, $2::jsonpath, $3::jsonb, true) as found',
      [JSON.stringify(metadata), path, vars],
    );
    return found;
  }

  const hostile = [
    '',
    "'",
    '"',
    '\\',
    '%',
    '_',
    '$',
    '$v0_0',
    "'; drop table x; --",
    '\u{1f600}',
    'ß',
    '\n',
    '*',
    '@',
    '"a"',
    '\u2028',
  ];
  const table: [string, string, string, unknown, boolean][] = [
    ['a text', 'user_id', 'u1', { user_id: 'u1' }, true],
    ['another text', 'user_id', 'u1', { user_id: 'u11' }, false],
    ['another key', 'user_id', 'u1', { user: 'u1' }, false],
    ['a number', 'user_id', '42', { user_id: 42 }, true],
    ['the same number, written otherwise', 'user_id', '42', { user_id: 42.0 }, true],
    ['a text of digits', 'user_id', '42', { user_id: '42' }, true],
    ['a text of digits with zeros', 'user_id', '042', { user_id: 42 }, false],
    ['true', 'is_x', 'true', { is_x: true }, true],
    ['nothing', 'user_id', '', { user_id: '' }, true],
    ['null, which is no text', 'user_id', 'null', { user_id: null }, false],
    ['a path', 'user.id', 'u1', { user: { id: 'u1' } }, true],
    ['a key with a dot', 'user.id', 'u1', { 'user.id': 'u1' }, true],
    ['the end of a path alone', 'id', 'u1', { user: { id: 'u1' } }, false],
    ['an item of an array', 'user_ids', 'u1', { user_ids: ['u0', 'u1'] }, true],
    ['an object in an array', 'users.id', 'u1', { users: [{ id: 'u0' }, { id: 'u1' }] }, true],
    ['an object in its place', 'user', 'u1', { user: { id: 'u1' } }, false],
    ['odd dots', '.a.', 'u1', { '.a.': 'u1' }, true],
    ...hostile.map((value): [string, string, string, unknown, boolean] => [
      JSON.stringify(value),
      `k${value}`,
      value,
      { [`k${value}`]: value },
      true,
    ]),
  ];
  for (const [title, key, value, metadata, expected] of table) {
    it(`${expected ? 'finds' : 'does not find'} ${title}`, async () => {
      const { matches, path, vars } = createMatcher([{ key, value }]);
      assert.equal(matches(metadata), expected);
      assert.equal(await asks(metadata, path, vars), expected);
    });
  }

  it('wants all criteria to be true', () => {
    const { matches } = createMatcher([
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
    ]);
    assert.deepEqual([matches({ a: '1', b: '2' }), matches({ a: '1' }), matches(null)], [true, false, false]);
  });

  it('compares texts as they were recorded: cut, without NUL and half pairs', async () => {
    const { matches, path, vars } = createMatcher([{ key: 'a', value: `\0\ud800${'x'.repeat(1_000_000)}` }]);
    const stored = { a: `\uFFFD\uFFFD${'x'.repeat(998)}` };
    assert.ok(matches(stored) && (await asks(stored, path, vars)));
  });

  it('means the same to Postgres as to the spool, whatever is asked of whatever', async () => {
    const scalar = fc.constantFrom<unknown>('a', '1', 1, 1.5, true, null, '', 'true', ...hostile);
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        scalar,
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'a.b', '"'), tie('any'), { maxKeys: 3 }),
      ),
    })).any;
    const criterion = fc.record({
      key: fc.constantFrom('a', 'b', 'a.b', 'a.b.a', '"', 'b.'),
      value: fc.constantFrom('a', '1', '1.5', 'true', '', ...hostile),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom('a', 'b', 'a.b', '"'), value),
        fc.array(criterion, { minLength: 1, maxLength: 2 }),
        async (metadata, criteria) => {
          const { matches, path, vars } = createMatcher(criteria);
          assert.equal(matches(metadata), await asks(metadata, path, vars), `${path} ${vars}`);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('refuses to erase everything', () => {
    for (const criteria of [[], [{ key: '', value: 'x' }]]) {
      assert.throws(
        () => createMatcher(criteria),
        (error: unknown) => error instanceof KeepwatchError && error.code === 'ERR_USAGE',
      );
    }
  });
});
