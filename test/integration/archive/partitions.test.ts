import assert from 'node:assert/strict';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { closeDatabase, createDatabase } from '../../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const DAY_MS = 86_400_000;

describe('Partitions', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  it('are made by many processes at once', async () => {
    const databases = Array.from({ length: 6 }, () => createDatabase({ url: test.url, max: 1 }));
    for (let round = 0; round < 5; round++) {
      const fromMs = Date.now() + (20 + 3 * round) * DAY_MS;
      await Promise.all(databases.map((database) => createPartitions(database).cover(fromMs, fromMs + 2 * DAY_MS)));
    }
    const { made } = await test.database.one<{ made: number }>(
      `select count(*)::int as made from pg_inherits where inhparent = 'keepwatch.observability_metrics'::regclass
         and right(inhrelid::regclass::text, 8)::date > now() + interval '18 days'`,
    );
    assert.equal(made, 15);
    await Promise.all(databases.map((database) => closeDatabase(database)));
  });
});
