import assert from 'node:assert/strict';
import { closeDatabase, createDatabase, type Database, inTransaction } from '../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

describe('closeDatabase', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  it('survives a server that goes down while its connections are closing', async () => {
    for (let round = 0; round < 5; round++) {
      const database = createDatabase({ url: test.url, max: 4, applicationName: 'closing' });
      await Promise.all(Array.from({ length: 4 }, () => database.any('select pg_sleep(0.01)')));
      const terminated = test.database.any(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'closing'`,
      );
      await closeDatabase(database);
      await terminated;
    }
    assert.equal((await test.database.one<{ one: number }>('select 1 as one')).one, 1);
  });
});

describe('Database', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  let proxy: TcpProxy;
  before(async () => {
    test = await createTestDatabase();
    proxy = await TcpProxy.start(test.url);
  });
  after(async () => {
    await proxy.close();
    await test.drop();
  });

  it('lets the server find out in half a minute that a client in a transaction has vanished', async () => {
    const read = (task: Pick<Database, 'one'>) =>
      task.one<object>(
        `select current_setting('idle_in_transaction_session_timeout') as idle, current_setting('tcp_keepalives_idle') as first,
           current_setting('tcp_keepalives_interval') as next, current_setting('tcp_keepalives_count') as count`,
      );
    const before = await read(test.database);
    for (const mode of ['write', 'snapshot'] as const) {
      const within = await inTransaction(test.database, (transaction) => read(transaction), mode);
      assert.deepEqual(within, { idle: '30s', first: '10', next: '5', count: '3' });
    }
    assert.deepEqual(await read(test.database), before);
  });

  it('gives up a connection whose answer never came: the next statement gets a new one', async () => {
    const database = createDatabase({ url: proxy.urlOf(test.url), max: 2, queryTimeoutMs: 500 });
    await database.one('select 1 as one');
    proxy.stall();
    await assert.rejects(database.one('select 2 as two'));
    proxy.up();
    assert.deepEqual(await database.one('select 3 as three'), { three: 3 });
    await closeDatabase(database);
  });
});
