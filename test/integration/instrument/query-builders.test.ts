// Lazy promises of query builders and ORMs: knex against a real Postgres, and thenables made as Prisma and mongoose make theirs.
import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import knexOf, { type Knex } from 'knex';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { Tracked } from '../../support/tracked.ts';

const boom = new Error('boom');

/** As Prisma's client makes them: no class, work begins with the first reader, and a transaction asks for its own. */
function prismaPromise(log: string[], fails = false) {
  const run = async (): Promise<string> => {
    log.push('run');
    if (fails) throw boom;
    return 'row';
  };
  return {
    // biome-ignore lint/suspicious/noThenProperty: it is a thenable
    then: (onFulfilled?: (value: string) => unknown, onRejected?: (error: unknown) => unknown) =>
      run().then(onFulfilled, onRejected),
    catch: (onRejected?: (error: unknown) => unknown) => run().catch(onRejected),
    finally: (onFinally?: () => void) => run().finally(onFinally),
    requestTransaction: (_transaction: unknown) => run(),
    [Symbol.toStringTag]: 'PrismaPromise',
  };
}

/** As mongoose's: `then` calls `exec`. */
class Query {
  readonly log: string[] = [];

  async exec(): Promise<string> {
    this.log.push('exec');
    return 'document';
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a thenable
  then(onFulfilled?: (value: string) => unknown, onRejected?: (error: unknown) => unknown): Promise<unknown> {
    return this.exec().then(onFulfilled, onRejected);
  }

  catch(onRejected?: (error: unknown) => unknown): Promise<unknown> {
    return this.exec().then(undefined, onRejected);
  }
}

describe('Tracked lazy promises', () => {
  describe('of knex', () => {
    let database: TestDatabase;
    let knex: Knex;
    let queries: string[] = [];
    const tracked = new Tracked();
    const numbers = tracked.track((to: number) => knex.select(knex.raw('generate_series(1, ?::int) as n', [to])));

    before(async () => {
      database = await createTestDatabase();
      knex = knexOf({ client: 'pg', connection: database.url, pool: { min: 0, max: 2 } });
      knex.on('query', ({ sql }: { sql: string }) => queries.push(sql));
    });
    beforeEach(() => {
      queries = [];
    });
    after(async () => {
      await knex.destroy();
      await database.drop();
    });

    it('run once, when somebody waits, and can be built on', async () => {
      const query = numbers(3);
      await new Promise(setImmediate);
      assert.deepEqual([queries.length, tracked.events().length], [0, 0]);
      assert.equal(query.limit(2), query);
      assert.deepEqual(await query, [{ n: 1 }, { n: 2 }]);
      assert.deepEqual([queries.length, tracked.endings()], [1, [['success', undefined]]]);
    });

    it('fail with the error of the database, also by catch and finally', async () => {
      const wrong = tracked.track(() => knex.select('x').from('no_such_table'));
      await assert.rejects(async () => await wrong(), { code: '42P01' });
      assert.equal(((await wrong().catch((error: unknown) => error)) as { code: string }).code, '42P01');
      await assert.rejects(
        wrong().finally(() => undefined),
        { code: '42P01' },
      );
      assert.deepEqual(
        tracked.endings().map(([status]) => status),
        ['failure', 'failure', 'failure'],
      );
      assert.equal(queries.length, 3);
    });

    it('work as parts of others and in transactions', async () => {
      const [row] = (await knex.count('* as c').from(numbers(4).as('inner'))) as [{ c: string }];
      assert.equal(row.c, '4');
      assert.deepEqual(tracked.events(), []);
      await knex.transaction(async (transaction) => assert.equal((await numbers(2).transacting(transaction)).length, 2));
      assert.deepEqual(tracked.endings(), [['success', undefined]]);
    });

    it('end with their callback', async () => {
      await new Promise((resolve) => void numbers(1).asCallback(resolve));
      assert.deepEqual(tracked.endings(), [['success', undefined]]);
    });
  });

  it('of Prisma run once, whichever reader is used', async () => {
    const tracked = new Tracked();
    const readers: ((promise: ReturnType<typeof prismaPromise>) => unknown)[] = [
      async (promise) => await promise,
      (promise) => promise.then((row) => assert.equal(row, 'row')),
      (promise) => promise.catch(() => undefined),
      (promise) => promise.finally(() => undefined),
      (promise) => promise.requestTransaction({}),
      (promise) => Promise.all([promise]),
    ];
    for (const read of readers) {
      const log: string[] = [];
      const promise = tracked.track(() => prismaPromise(log))();
      assert.equal(promise[Symbol.toStringTag], 'PrismaPromise');
      assert.deepEqual(Object.keys(promise), Object.keys(prismaPromise(log)));
      assert.deepEqual([log, tracked.events()], [[], []]);
      await read(promise);
      assert.deepEqual([log, tracked.endings()], [['run'], [['success', undefined]]]);
    }
    const fail = tracked.track(() => prismaPromise([], true));
    assert.equal(await fail().catch((error: unknown) => error), boom);
    await assert.rejects(fail().requestTransaction({}), boom);
    await assert.rejects(
      fail().finally(() => undefined),
      boom,
    );
    assert.deepEqual(
      tracked.endings().map(([status]) => status),
      ['failure', 'failure', 'failure'],
    );
  });

  it('of mongoose run once, by exec too', async () => {
    const tracked = new Tracked();
    const find = tracked.track(() => new Query());
    const query = find();
    assert.equal(await query.exec(), 'document');
    assert.deepEqual([query.log, tracked.endings()], [['exec'], [['success', undefined]]]);
    const awaited = find();
    assert.equal(await awaited, 'document');
    assert.deepEqual([awaited.log, tracked.endings()], [['exec'], [['success', undefined]]]);
  });

  it('that give a stream end with it', async () => {
    const tracked = new Tracked();
    const { Readable: NodeReadable } = await import('node:stream');
    const query = tracked.track(() => Object.assign(prismaPromise([]), { stream: (): Readable => NodeReadable.from([1, 2]) }))();
    const rows = query.stream();
    assert.deepEqual(tracked.events(), []);
    assert.deepEqual(await rows.toArray(), [1, 2]);
    assert.deepEqual(tracked.endings(), [['success', 2]]);
  });
});
