// A connection that dies amid a transaction: it waits there for a table that is locked, and is terminated.
import assert from 'node:assert/strict';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import type { TestDatabase } from './postgres.ts';
import { waitFor } from './wait-for.ts';

const NAME = 'the one that dies';

/**
 * Ends the connection of `work` as soon as it waits for a lock, and asserts that `work` fails.
 * @param lock of a table that it needs: `table keepwatch.rollup_hours in access exclusive mode`
 */
export async function dieAmid(test: TestDatabase, lock: string, work: (own: Database) => Promise<unknown>): Promise<void> {
  const own = createDatabase({ url: test.url, max: 1, applicationName: NAME });
  await test.database.tx(async (task) => {
    await task.none(`lock ${lock}`);
    const outcome = work(own).then(
      () => 'done',
      () => 'failed',
    );
    await waitFor(async () => {
      const killed = await test.database.any(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${NAME}' and wait_event_type = 'Lock'`,
      );
      return killed.length > 0;
    });
    assert.equal(await outcome, 'failed');
  });
  await closeDatabase(own);
}
