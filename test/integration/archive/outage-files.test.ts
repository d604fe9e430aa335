// What an outage of Postgres leaves on the disk: few large files, not one for each run.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { closeDatabase, createDatabase } from '../../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { readSpooledIds } from '../../support/spooled-ids.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Archive, files of an outage', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  let proxy: TcpProxy;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async () => {
    test = await createTestDatabase();
    proxy = await TcpProxy.start(test.url);
    spool = createSpoolDir();
  });
  after(async () => {
    spool.remove();
    await proxy.close();
    await test.drop();
  });

  it('adds to one file of each lane as long as Postgres is away, and drains it when it is back', async () => {
    const database = createDatabase({ url: proxy.urlOf(test.url), max: 3, connectTimeoutMs: 2000 });
    proxy.down();
    const { archive, tracker } = createTestArchive(database, spool.path, { cron: '* * * * * *' });
    archive.start();
    let recorded = 0;
    // Each failure is a run that found Postgres away; the back-off lets some pass.
    await waitFor(
      () => {
        tracker.record({ lane: 'keep' }, {}, {});
        tracker.collect();
        recorded += 3;
        return archive.stats().failures >= 4;
      },
      { timeoutMs: 20_000 },
    );
    await waitFor(() => readSpooledIds(spool.path).length === recorded);
    const files = readdirSync(join(spool.path, readdirSync(spool.path)[0] ?? ''));
    assert.deepEqual(files, ['keep-0000000001.open', 'rest-0000000001.open', 'source.json']);
    proxy.up();
    await waitFor(() => archive.stats().archived === recorded, { timeoutMs: 20_000 });
    await archive.stop({ timeoutMs: 5000 });
    await closeDatabase(database);
  });
});
