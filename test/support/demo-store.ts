// The store of the demo in a database of its own, with its tables.
import { createChatStore, openDemoDatabase } from '../../demo/store.ts';
import { createTestDatabase } from './postgres.ts';

/** As `openDemoDatabase`; `close` drops the database too. */
export async function openDemoStore(): Promise<ReturnType<typeof openDemoDatabase>> {
  const test = await createTestDatabase();
  const { query, pool, close } = openDemoDatabase({ url: test.url });
  await createChatStore(query).prepare();
  return {
    query,
    pool,
    async close() {
      await close();
      await test.drop();
    },
  };
}
