// The migration that narrows the counts of rollups, on a database that has some.
import assert from 'node:assert/strict';
import { loadMigrations, migrate } from '../../../../src/db/migrate.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';

describe('rollups of before the migration to narrow counts', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  it('say the same after it, up to 2^31 - 1 in a bucket', async () => {
    const { database } = test;
    await database.none('drop schema keepwatch cascade');
    await migrate(database, loadMigrations().slice(0, 14));
    await database.any('select keepwatch.ensure_rollup_partitions(now(), now())');
    for (const table of ['rollup_minutes', 'rollup_hours'])
      await database.none(
        `insert into keepwatch.${table} (bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc)
         values (date_trunc('hour', now()), 1, 'success', 3, 1099511627783, 1, 1, 1, '{-32768,4,9}', '{1,1099511627776,6}'),
           (date_trunc('hour', now()), 1, 'failure', 0, 0, 0, 0, 0, '{}', '{}')`,
      );
    await database.none(
      `insert into keepwatch.observability_series (series_id, service, type, name, labels) values (1, 's', 't', 'n', '{}')`,
    );
    await migrate(database);
    for (const view of ['observability_rollup_1m', 'observability_rollup_1h'])
      assert.deepEqual(
        await database.any(`select hb, hc::text[], pg_typeof(hc)::text as type from keepwatch.${view} order by status desc`),
        [
          { hb: [-32768, 4, 9], hc: ['1', '2147483647', '6'], type: 'bigint[]' },
          { hb: [], hc: [], type: 'bigint[]' },
        ],
      );
  });
});
