// Deltas are folded into minutes and hours by one process, and the sums stay the same whatever cuts it off.
import assert from 'node:assert/strict';
import { Lease } from '../../../../src/archive/maintenance/lease.ts';
import { foldRollups } from '../../../../src/archive/rollups/fold.ts';
import type { Database } from '../../../../src/db/database.ts';
import { dieAmid } from '../../../support/dying-connection.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { compareRollups } from '../../../support/rollup-oracle.ts';
import { archiveEvents, createSpoolDir } from '../../../support/test-archive.ts';
import { variedEvents } from '../../../support/varied-events.ts';

describe('foldRollups', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  beforeEach(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  afterEach(async () => {
    spool.remove();
    await test.drop();
  });

  const archive = (count: number) => archiveEvents(test.database, spool.path, variedEvents(count));
  const leaseOf = (holder: string, database: Database = test.database, seconds = 60) =>
    new Lease({ database, name: 'maintenance', holder, seconds });
  const fold = (more = {}) =>
    foldRollups({ database: test.database, lease: leaseOf('test'), shouldStop: () => false, settleSeconds: -60, ...more });
  const count = async (table: string) =>
    (await test.database.one<{ rows: number }>(`select count(*)::int as rows from keepwatch.${table}`)).rows;

  it('moves all deltas to minutes and hours that equal raw, once and again', async () => {
    await archive(3000);
    const before = await count('rollup_deltas');
    assert.equal(await fold({ deltasAtOnce: 50 }), before);
    assert.equal(await count('rollup_deltas'), 0);
    assert.deepEqual(await compareRollups(test.database), []);
    // The same minutes again, late: they are added to what is there.
    await archive(3000);
    assert.deepEqual(await compareRollups(test.database), []);
    assert.ok((await fold()) > 0);
    assert.deepEqual(await compareRollups(test.database), []);
    assert.equal(await fold(), 0);
  });

  it('leaves minutes that have just begun', async () => {
    await archive(500);
    await foldRollups({ database: test.database, lease: leaseOf('test'), shouldStop: () => false });
    const fresh = await test.database.one<{ fresh: boolean }>(
      "select bool_and(bucket >= now() - interval '2 minutes 5 seconds') as fresh from keepwatch.rollup_deltas",
    );
    assert.equal(fresh.fresh, true);
    assert.ok((await count('rollup_minutes')) > 0);
    assert.deepEqual(await compareRollups(test.database), []);
  });

  it('changes nothing when its process or its connection dies amid it', async () => {
    await archive(2000);
    const before = await count('rollup_deltas');
    await dieAmid(test, 'table keepwatch.rollup_hours in access exclusive mode', (own) =>
      foldRollups({ database: own, lease: leaseOf('dying', own), shouldStop: () => false, settleSeconds: -60 }),
    );
    assert.equal(await count('rollup_deltas'), before);
    assert.equal(await count('rollup_minutes'), 0);
    assert.deepEqual(await compareRollups(test.database), []);
    await test.database.none('delete from keepwatch.lease');
    assert.equal(await fold(), before);
    assert.deepEqual(await compareRollups(test.database), []);
  });

  it('does nothing when another process holds the lease, or has taken it meanwhile', async () => {
    await archive(100);
    assert.ok(await leaseOf('other').take());
    assert.equal(await fold(), 0);
    await test.database.none('delete from keepwatch.lease');
    const lost = leaseOf('test');
    const take = lost.take.bind(lost);
    lost.take = async () => {
      const taken = await take();
      await test.database.none("update keepwatch.lease set holder = 'faster', epoch = epoch + 1");
      return taken;
    };
    assert.equal(await fold({ lease: lost }), 0);
    assert.equal(await count('rollup_minutes'), 0);
    assert.deepEqual(await compareRollups(test.database), []);
  });
});
