// Postgres' parser in WASM, and what a text of 64 kB may do to it.
import assert from 'node:assert/strict';
import { compileQuery } from '../../../src/alerts/parameters.ts';
import { loadSqlParser, parseSql, SqlSyntaxError } from '../../../src/alerts/sql-parser.ts';
import { waitFor } from '../../support/wait-for.ts';

const BOMBS: Readonly<Record<string, string>> = {
  brackets: `select ${'('.repeat(32_000)}1${')'.repeat(32_000)}`,
  'brackets that stay open': `select ${'('.repeat(65_000)}`,
  'comments side by side': `select ${'/**/'.repeat(16_000)}1`,
  'nested subselects': `select * from ${'(select * from '.repeat(3000)}events${') a'.repeat(3000)}`,
  sums: `select 1${'+1'.repeat(32_000)}`,
  signs: `select ${'- '.repeat(32_000)}1`,
  'an endless operator': `select ${'+'.repeat(65_000)}1`,
  negations: `select ${'not '.repeat(16_000)}true`,
  casts: `select 1${'::int'.repeat(13_000)}`,
  joins: `select 1 from events a${' join events a on true'.repeat(2900)}`,
  unions: `select 1${' union select 1'.repeat(4000)}`,
  arrays: `select ${'array['.repeat(10_000)}1${']'.repeat(10_000)}`,
  cases: `select ${'case when true then '.repeat(2600)}1${' end'.repeat(2600)}`,
  calls: `select ${'abs('.repeat(13_000)}1${')'.repeat(13_000)}`,
  'a long list': `select ${'1,'.repeat(32_000)}1`,
  'the deepest that has few enough words': `select true${' isnull'.repeat(3990)}`,
  'unfinished dollar quotes': `select ${Array.from({ length: 9000 }, (_, index) => `$a${index}`).join('')}`,
  'many wrong places': `select ${'$1,'.repeat(1900)}1`,
};

describe('parseSql', () => {
  before(loadSqlParser);

  it('gives the statements, and where each of them ends', () => {
    const { statements } = parseSql('select 1; delete from t');
    assert.deepEqual(
      statements.map(({ kind, end }) => [kind, end]),
      [
        ['SelectStmt', 8],
        ['DeleteStmt', undefined],
      ],
    );
  });

  it('says where Postgres would refuse the text', () => {
    assert.throws(
      () => parseSql("select 'ü' form t x"),
      (error) => error instanceof SqlSyntaxError && error.offset === 16,
    );
  });

  it('goes on with a new instance after one that overflowed, several times', async () => {
    const sums = BOMBS['sums'] ?? '';
    for (let index = 0; index < 4; index++) {
      await waitFor(() => isReady(), { timeoutMs: 5000, what: 'the parser' });
      assert.throws(() => parseSql(sums), { code: 'ERR_RULES_INVALID', message: /is too much for the parser of Postgres/ });
    }
    await waitFor(() => isReady(), { timeoutMs: 5000, what: 'the parser' });
  }).timeout(60_000);
});

function isReady(): boolean {
  try {
    return parseSql('select 1').statements.length === 1;
  } catch {
    return false;
  }
}

describe('compileQuery with 64 kB of', () => {
  before(loadSqlParser);

  for (const [what, bomb] of Object.entries(BOMBS)) {
    it(`${what} answers soon, and is ready for the next query`, () => {
      const startedAt = performance.now();
      assert.throws(
        () => compileQuery(bomb.slice(0, 65_536), {}),
        (error: { code?: string; message?: string }) => {
          assert.equal(error.code, 'ERR_RULES_INVALID');
          assert.ok((error.message?.length ?? 0) < 5000, error.message?.slice(0, 200));
          return true;
        },
      );
      assert.ok(performance.now() - startedAt < 2000, `took ${performance.now() - startedAt} ms`);
      assert.equal(compileQuery('select name from events where end_time < :now', {}).values(0).length, 1);
    });
  }
});
