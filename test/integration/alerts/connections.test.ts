// The connections of alerts are there from slot to slot; those of others are closed as before.
import assert from 'node:assert/strict';
import { openOwnerConnections, openRulesConnections } from '../../../src/alerts/connections.ts';
import { closeDatabase, createDatabase } from '../../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('connections of alerts', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  it('are kept from slot to slot of groups that are evaluated every minute', async () => {
    for (const database of [openRulesConnections(test.url), openOwnerConnections(test.url, 'alerts')]) {
      assert.ok(Number(database.$pool.options['idleTimeoutMillis']) >= 120_000);
      await closeDatabase(database);
    }
  });

  it('of others are closed when nobody has used them for as long as it is said', async () => {
    const database = createDatabase({ url: test.url, max: 1, applicationName: 'idles', idleTimeoutMs: 50 });
    await database.any('select 1');
    const count = async () => (await test.database.any(`select 1 from pg_stat_activity where application_name = 'idles'`)).length;
    await waitFor(async () => (await count()) === 0, { timeoutMs: 10_000 });
    await closeDatabase(database);
  });
});
