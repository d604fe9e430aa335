import assert from 'node:assert/strict';
import { type ChatStore, createChatStore, openDemoDatabase } from '../../../demo/store.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('ChatStore', () => {
  let test: TestDatabase;
  let demo: ReturnType<typeof openDemoDatabase>;
  let store: ChatStore;

  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
    demo = openDemoDatabase({ url: test.url });
    store = createChatStore(demo.query);
  });
  after(async () => {
    await demo.close();
    await test.drop();
  });

  it('makes its tables once, however many ask at the same time', async () => {
    await Promise.all([store.prepare(), store.prepare(), store.prepare(), store.prepare()]);
    await store.prepare();
    const [row] = await demo.query('select count(*)::integer as orders from demo.orders');
    assert.deepEqual(row, { orders: 500 });
  });

  it('keeps a conversation in order and forgets it when asked', async () => {
    await store.addMessages('user-1', [
      { role: 'user', content: `it's "quoted" $1 $<x>` },
      { role: 'assistant', content: 'one' },
    ]);
    await store.addMessages('user-1', [
      { role: 'user', content: 'second' },
      { role: 'assistant', content: 'two' },
    ]);
    await store.addMessages('user-2', [{ role: 'user', content: 'of another user' }]);
    const history = await store.getHistory('user-1', 3);
    assert.deepEqual(
      history.map((message) => message.content),
      ['one', 'second', 'two'],
    );
    assert.equal((await store.getHistory('user-1', 10))[0]?.content, `it's "quoted" $1 $<x>`);
    assert.equal(await store.deleteHistory('user-1'), 4);
    assert.deepEqual(await store.getHistory('user-1', 10), []);
    assert.equal((await store.getHistory('user-2', 10)).length, 1);
  });

  it('finds orders by number and by user', async () => {
    assert.deepEqual(await store.getOrder(1), { id: 1, item: 'desk lamp', status: 'shipped' });
    assert.equal(await store.getOrder(501), undefined);
    assert.deepEqual(
      (await store.findOrders('user-2', 5)).map((order) => order.id),
      [401, 201, 1],
    );
    assert.equal((await store.getProfile('user-2')).plan, 'pro');
    assert.equal((await store.getProfile('nobody')).plan, 'free');
  });

  it('numbers its tickets', async () => {
    const first = await store.createTicket('user-1', 'broken');
    assert.equal(await store.createTicket('user-1', 'still broken'), first + 1);
  });

  it('goes on after its connections were cut', async () => {
    await test.database.any(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chat-api demo' and datname = current_database()`,
    );
    await waitFor(() => store.getOrder(1), { what: 'a query to succeed' });
  });
});
