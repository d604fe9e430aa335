import assert from 'node:assert/strict';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import {
  closeDatabase,
  createDatabase,
  type Database,
  type Statement,
  sqlState,
  transactAtOnce,
} from '../../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { compareRollups } from '../../support/rollup-oracle.ts';
import { type Loss, TcpProxy } from '../../support/tcp-proxy.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);
const MESSAGE_HEAD_BYTES = 5;
/** Long enough for many chunks on the wire. */
const EVENTS = 4000;

const isQuery = (chunk: Buffer) => chunk[0] === 0x51 && chunk.includes('commit\0');
const isFirstOfData = (chunk: Buffer) => chunk.includes('PGCOPY');
const isLastOfData = (chunk: Buffer) => chunk.subarray(-COPY_DONE.length).equals(COPY_DONE);
/** So many bytes before the first one of the rollups, which come right behind the rows. */
function isBeforeRollups(bytes: number): (chunk: Buffer) => number | false {
  const findRollups = createFinder();
  return (chunk) => {
    const at = findRollups(chunk);
    return at > -1 && Math.max(0, at - MESSAGE_HEAD_BYTES - bytes);
  };
}
/** The last chunk of the rollups, the last of all that the server waits for. */
function isLastOfRollups(): (chunk: Buffer) => boolean {
  const findRollups = createFinder();
  let isBegun = false;
  return (chunk) => {
    isBegun ||= findRollups(chunk) > -1;
    return isBegun && isLastOfData(chunk);
  };
}
/** Where the second COPY of all begins, in the chunk that has it; -1 in others. */
function createFinder(): (chunk: Buffer) => number {
  let copies = 0;
  return (chunk) => {
    for (let at = chunk.indexOf('PGCOPY'); at > -1; at = chunk.indexOf('PGCOPY', at + 1)) if (++copies === 2) return at;
    return -1;
  };
}
/** The second chunk of rows, which does not hold the last one. */
function isAmidData(): (chunk: Buffer) => boolean {
  let isBegun = false;
  return (chunk) => {
    const isMatch = isBegun && !isLastOfData(chunk);
    isBegun ||= isFirstOfData(chunk);
    return isMatch;
  };
}

describe('a batch in one round trip', () => {
  let test: TestDatabase;
  let proxy: TcpProxy;
  let proxied: Database;
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
    proxy = await TcpProxy.start(test.url);
    proxied = createDatabase({ url: proxy.urlOf(test.url), max: 3, connectTimeoutMs: 2000 });
  });
  after(async () => {
    await closeDatabase(proxied);
    await proxy.close();
    await test.drop();
  });

  const cases: readonly [string, Loss, () => (chunk: Buffer) => boolean | number, number][] = [
    ['before the server has its statements', 'request', () => isQuery, 0],
    ['when the server asks for the rows', 'answer', () => isQuery, 0],
    ['when the first rows are under way', 'request', () => isFirstOfData, 0],
    ['in the middle of the rows', 'request', isAmidData, 0],
    ['before the server has the end of the rows', 'request', () => isBeforeRollups(COPY_DONE.length + 1), 0],
    ['between the rows and their rollups', 'request', () => isBeforeRollups(0), 0],
    ['before the server has the end of the rollups', 'request', isLastOfRollups, 0],
    ['when the server has committed', 'answer', isLastOfRollups, EVENTS],
  ];
  for (const [moment, loss, createMatch, committed] of cases) {
    it(`loses and doubles nothing when the connection is cut ${moment}`, async () => {
      const spool = createSpoolDir();
      const { archive, tracker } = createTestArchive(proxied, spool.path);
      tracker.record(...Array.from({ length: EVENTS }, () => ({})));
      const cut = proxy.lose(loss, createMatch());
      await archive.flush();
      await cut;
      assert.equal(archive.stats().archived, 0);
      await waitFor(async () => (await countRows(archive.sourceId)) === committed);
      await waitFor(async () => {
        await archive.flush();
        return archive.stats().spoolEvents === 0;
      });
      assert.equal(await countRows(archive.sourceId), EVENTS);
      await archive.stop({ timeoutMs: 5000 });
      const { sources } = await verifyArchive({ database: test.database, spoolDir: spool.path });
      assert.deepEqual(
        sources.flatMap(({ problems }) => problems),
        [],
      );
      assert.deepEqual(await compareRollups(test.database), []);
      spool.remove();
    });
  }

  async function countRows(sourceId: bigint): Promise<number> {
    const { rows } = await test.database.one<{ rows: number }>(
      'select count(*)::int as rows from keepwatch.observability_metrics where source_id = $1',
      [sourceId],
    );
    return rows;
  }
});

describe('transactAtOnce', () => {
  let test: TestDatabase;
  let database: Database;
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
    database = createDatabase({ url: test.url, max: 1 });
    await database.none(`create table kept (number integer primary key check (number > 0));
      create table deferred (number integer constraint only_once unique deferrable initially deferred)`);
  });
  afterEach(() => database.none('truncate kept, deferred'));
  after(async () => {
    await closeDatabase(database);
    await test.drop();
  });

  const copy = (lines: string, table = 'kept'): Statement => ({
    sql: 'copy $<table:name> from stdin',
    values: { table },
    chunks: [Buffer.from(lines)],
  });
  const run = <Row>(guard: string, ...statements: Statement[]) =>
    transactAtOnce<Row>(database, { settings: `set local lock_timeout = '1s'`, guard: { sql: guard }, statements });
  const kept = () => database.map('select number from kept order by number', [], ({ number }: { number: number }) => number);
  /** Which session the pool has, and that no transaction is open in it. */
  const session = () =>
    database.one<{ pid: number; is_idle: boolean }>(
      `select pg_backend_pid() as pid, now() = statement_timestamp() and current_setting('lock_timeout') = '0' as is_idle`,
    );

  it('commits what all its statements say, and gives the row of the guard', async () => {
    const row = await run<{ id: string; ratio: number; none: null }>(
      `select 5000000000 as id, 0.5::float8 as ratio, null as none`,
      copy('1\n2\n'),
      { sql: 'insert into kept values ($<number>)', values: { number: 3 } },
      copy('4\n'),
    );
    assert.deepEqual(row, { id: '5000000000', ratio: 0.5, none: null });
    assert.deepEqual(await kept(), [1, 2, 3, 4]);
    assert.equal((await session()).is_idle, true);
  });

  it('does nothing when the guard has no row, and keeps the connection', async () => {
    const { pid } = await session();
    const row = await run('insert into kept select 9 where false returning number', copy('1\n'), {
      sql: 'insert into kept values (2)',
    });
    assert.equal(row, undefined);
    assert.deepEqual(await kept(), []);
    assert.deepEqual(await session(), { pid, is_idle: true });
  });

  it('commits nothing when a row is refused, though COMMIT is on its way', async () => {
    const { pid } = await session();
    const big = Array.from({ length: 200_000 }, (_, index) => index).join('\n');
    await assert.rejects(run('insert into kept values (1000000) returning number', copy(`${big}\n`)), isState('23514'));
    assert.deepEqual(await kept(), []);
    assert.deepEqual(await session(), { pid, is_idle: true });
  });

  it('drops what later copies were sent when a row before them is refused, or a statement, and keeps the connection', async () => {
    const { pid } = await session();
    // More than the buffers between the two hold.
    const large = copy(Array.from({ length: 1_500_000 }, (_, index) => `${index + 1}\n`).join(''));
    const insert = { sql: 'insert into kept values (-1)' };
    for (const statements of [
      [copy('0\n'), large, large],
      [copy('1\n'), insert, large],
    ]) {
      await assert.rejects(run('select 1 as one', ...statements), (error) => sqlState(error) === '23514');
      assert.deepEqual(await kept(), []);
      assert.deepEqual(await session(), { pid, is_idle: true });
    }
    await run('select 1 as one', copy('1\n'), copy('2\n'), copy('3\n'));
    assert.deepEqual(await kept(), [1, 2, 3]);
  });

  it('commits nothing when COMMIT itself is refused, or a statement behind the rows', async () => {
    const { pid } = await session();
    await assert.rejects(run('select true', copy('1\n1\n', 'deferred')), isState('23505'));
    await assert.rejects(run('select true', copy('1\n'), { sql: 'select 1 / 0' }), isState('22012'));
    await assert.rejects(run('select true', copy('1\n'), { sql: 'no statement' }), isState('42601'));
    assert.deepEqual(await kept(), []);
    assert.deepEqual(await session(), { pid, is_idle: true });
  });

  it('refuses a transaction without a COPY, in which nobody would look at the guard', () => {
    assert.throws(() => run('select true', { sql: 'insert into kept values (1)' }), TypeError);
  });
});

function isState(state: string): (error: unknown) => boolean {
  return (error) => {
    assert.equal(sqlState(error), state);
    return true;
  };
}
