// What `keepwatch verify` says of rollups: nothing while they equal raw rows, and where and what when they do not.
import assert from 'node:assert/strict';
import { Lease } from '../../../../src/archive/maintenance/lease.ts';
import { foldRollups } from '../../../../src/archive/rollups/fold.ts';
import { type VerifiedRollups, verifyArchive } from '../../../../src/archive/verify/verify.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { archiveEvents, createSpoolDir } from '../../../support/test-archive.ts';
import { variedEvents } from '../../../support/varied-events.ts';

describe('verifyArchive, rollups', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  beforeEach(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
    await archiveEvents(test.database, spool.path, [...variedEvents(2000), { durationMs: 2e14, weight: 2_147_483_647 }]);
  });
  afterEach(async () => {
    spool.remove();
    await test.drop();
  });

  const fold = () => {
    const lease = new Lease({ database: test.database, name: 'rollups', holder: 'test', seconds: 60 });
    return foldRollups({ database: test.database, lease, shouldStop: () => false, settleSeconds: -60 });
  };
  async function verified(): Promise<VerifiedRollups & { ok: boolean }> {
    const { ok, rollups } = await verifyArchive({ database: test.database });
    return { ...rollups, ok };
  }

  it('finds nothing, be they folded or not', async () => {
    const before = await verified();
    assert.deepEqual([before.ok, before.differences, before.problems], [true, 0, []]);
    assert.ok(before.comparedDays >= 8);
    await fold();
    const { ok, differences, historyDays, backlogBatches } = await verified();
    assert.deepEqual([ok, differences, historyDays, backlogBatches], [true, 0, 0, 0]);
  });

  const tamperings: readonly [string, string][] = [
    ['a bucket', 'update keepwatch.rollup_minutes set hb[1] = hb[1] + 1'],
    ['a count in a bucket', 'update keepwatch.rollup_minutes set hc[1] = hc[1] - 1'],
    ['a sum', 'update keepwatch.rollup_minutes set sum_us = sum_us + 1'],
    ['a count', 'update keepwatch.rollup_minutes set count = count - 1'],
    ['the shortest', 'update keepwatch.rollup_minutes set min_us = min_us + 1'],
    ['a status', "update keepwatch.rollup_minutes set status = 'odd'"],
    ['a series', 'update keepwatch.rollup_minutes set series_id = series_id + 1'],
    ['a row that is gone', 'delete from keepwatch.rollup_minutes'],
  ];
  for (const [what, statement] of tamperings) {
    it(`names the minute and the series of ${what}, and the hour that is not its minutes any more`, async () => {
      await fold();
      const key = await test.database.one(
        'select series_id, bucket, status from keepwatch.rollup_minutes order by series_id, bucket, status limit 1',
      );
      await test.database.none(`${statement} where (series_id, bucket, status) = ($<series_id>, $<bucket>, $<status>)`, key);
      const { ok, differences, problems } = await verified();
      assert.equal(ok, false);
      assert.ok(differences >= 2);
      assert.deepEqual([...new Set(problems.map(({ kind }) => kind))], ['rollup_minutes', 'rollup_hours']);
      assert.ok(problems.some(({ bucket }) => bucket === (key['bucket'] as Date).toISOString()));
      assert.match(problems[0]?.message ?? '', /^rollups of the minute .*Z, .*: raw rows say .*, the rollup /);
    });
  }

  it('compares hours with minutes when raw rows are gone', async () => {
    await fold();
    await test.database.none(
      "do $$ declare leaf text; begin for leaf in select inhrelid::regclass::text from pg_inherits where inhparent = 'keepwatch.observability_metrics'::regclass loop execute 'drop table ' || leaf; end loop; end $$",
    );
    const without = await verified();
    assert.deepEqual([without.comparedDays, without.differences], [0, 0]);
    await test.database.none('update keepwatch.rollup_hours set rows = rows + 1');
    assert.ok((await verified()).differences > 0);
  });
});
