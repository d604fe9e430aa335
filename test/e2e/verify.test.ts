import assert from 'node:assert/strict';
import { inTransaction } from '../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startKeepwatch } from '../support/process.ts';
import { createSpoolDir } from '../support/test-archive.ts';
import { waitFor } from '../support/wait-for.ts';

describe('keepwatch verify', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  after(async () => {
    spool.remove();
    await test.drop();
  });

  it('ends at Ctrl-C, however long Postgres takes, and says that nothing is proved', async () => {
    const isWaiting = async () => {
      const sessions = "from pg_stat_activity where datname = current_database() and application_name = 'keepwatch verify'";
      return (await test.database.any(`select ${sessions} and wait_event_type = 'Lock'`)).length > 0;
    };
    await inTransaction(test.database, async (transaction) => {
      await transaction.none('lock table keepwatch.ledger in access exclusive mode');
      const verifying = startKeepwatch(['verify'], { env: { DATABASE_URL: test.url, KEEPWATCH_SPOOL_DIR: spool.path } });
      await waitFor(isWaiting, { timeoutMs: 20_000 });
      process.kill(verifying.pid, 'SIGINT');
      assert.equal(await verifying.exited, 130, verifying.output());
      assert.match(verifying.output(), /^keepwatch: stopped; nothing is proved, and nothing was changed$/m);
    });
  });
});
