// What was archived before there were rollups, and what older code writes beside newer code, comes into them exactly once.
import assert from 'node:assert/strict';
import type { createArchive as CreateArchive } from '../../../../src/archive/archive.ts';
import { Lease } from '../../../../src/archive/maintenance/lease.ts';
import { listExpired } from '../../../../src/archive/maintenance/retention.ts';
import { backfillRollups } from '../../../../src/archive/rollups/backfill.ts';
import { foldRollups } from '../../../../src/archive/rollups/fold.ts';
import { verifyArchive } from '../../../../src/archive/verify/verify.ts';
import { loadMigrations, migrate } from '../../../../src/db/migrate.ts';
import { type ArrayEvent, ArrayTracker } from '../../../support/array-batch.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { archiveEvents, createSpoolDir, UNHURRIED } from '../../../support/test-archive.ts';
import { variedEvents } from '../../../support/varied-events.ts';

const OLD = new URL('../../../fixtures/archive-7b50b4e/archive.mjs', import.meta.url);
const WITHOUT_ROLLUPS = 8;

describe('backfillRollups', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  beforeEach(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
    await test.database.none('drop schema keepwatch cascade');
    await migrate(test.database, loadMigrations().slice(0, WITHOUT_ROLLUPS));
  });
  afterEach(async () => {
    spool.remove();
    await test.drop();
  });

  async function writeOld(events: readonly ArrayEvent[]): Promise<void> {
    const { createArchive } = (await import(OLD.href)) as { createArchive: typeof CreateArchive };
    const tracker = new ArrayTracker();
    const archive = createArchive({
      ...UNHURRIED,
      database: test.database,
      spoolDir: `${spool.path}/old`,
      instance: 'old:1',
      now: () => Date.now(),
      collect: tracker.collect,
    });
    tracker.sink = archive.sink;
    tracker.record(...events);
    await archive.flush();
    await archive.stop({ timeoutMs: 5000 });
    assert.equal(archive.stats().archived + archive.stats().deadLettered, events.length);
  }
  const writeNow = (events: readonly ArrayEvent[]) => archiveEvents(test.database, spool.path, events);
  const options = (shouldStop = () => false) => ({
    database: test.database,
    lease: new Lease({ database: test.database, name: 'rollups', holder: 'test', seconds: 60 }),
    shouldStop,
  });
  const count = async (from: string) =>
    (await test.database.one<{ rows: number }>(`select coalesce(sum(rows), 0)::int as rows from ${from}`)).rows;
  const raw = () => count('(select count(*) as rows from keepwatch.observability_metrics) as counted');
  const rolled = () => count('keepwatch.observability_rollup_1m');

  async function assertEqual(): Promise<void> {
    const { rollups } = await verifyArchive({ database: test.database });
    assert.deepEqual(rollups.problems, []);
  }
  async function assertComplete(): Promise<void> {
    const { rollups } = await verifyArchive({ database: test.database });
    assert.deepEqual([rollups.problems, rollups.historyDays, rollups.backlogBatches], [[], 0, 0]);
    assert.equal(await rolled(), await raw());
  }

  it('adds what was archived before, day by day, exactly once wherever it is cut off', async () => {
    await writeOld(variedEvents(3000));
    await migrate(test.database);
    await writeNow(variedEvents(500));
    assert.equal(await rolled(), 500);
    await assertEqual();
    const days = (await verifyArchive({ database: test.database })).rollups.historyDays;
    assert.ok(days >= 5, `${days} days`);
    let steps = 0;
    // A step at a time, and after each all that is there is right.
    while ((await backfillRollups(options(() => steps++ % 2 === 1))) > 0) await assertEqual();
    await backfillRollups(options());
    assert.equal(await backfillRollups(options()), 0);
    await assertComplete();
    await foldRollups({ ...options(), settleSeconds: -60 });
    await assertComplete();
  });

  it('adds what older code writes beside newer code, rows that it refuses left out', async () => {
    await migrate(test.database);
    await Promise.all([
      writeOld(variedEvents(1000).map((event, index) => (index % 300 === 7 ? { ...event, metadata: '"a":' } : event))),
      writeNow(variedEvents(1000)),
      writeOld(variedEvents(1000)),
    ]);
    const { backlogBatches, problems } = (await verifyArchive({ database: test.database })).rollups;
    assert.deepEqual(problems, []);
    assert.ok(backlogBatches >= 4);
    assert.equal(await rolled(), 1000);
    await backfillRollups(options());
    await assertComplete();
    assert.equal(await rolled(), 2996);
  });

  for (const [code, rolledUp] of [
    ['older', 0],
    ['newer', 1],
  ] as const) {
    it(`counts a batch of ${code} code once that began before the migration and went on behind it`, async () => {
      await writeOld(variedEvents(20));
      const { source_id: sourceId } = await test.database.one('select source_id from keepwatch.sources');
      await test.database.tx(async (task) => {
        await task.one('select now()');
        await migrate(test.database);
        await task.none(
          "update keepwatch.ledger set archived = archived + 1, rolled_up = rolled_up + $<rolledUp>, recorded = recorded + 1 where source_id = $<sourceId> and lane = 'rest'",
          { sourceId, rolledUp },
        );
        await task.none(
          `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, name, type, status, service)
           values ('01900000-0000-7000-8000-040000000000', now(), now(), 5, $<sourceId>, 'a', 'api', 'success', 'test')`,
          { sourceId },
        );
        if (rolledUp === 1) {
          await task.none(
            `insert into keepwatch.observability_series (series_id, service, type, name)
             values (keepwatch.series_id('test', 'api', 'a'), 'test', 'api', 'a');
             insert into keepwatch.rollup_deltas values (date_trunc('minute', now(), 'UTC'), keepwatch.series_id('test', 'api', 'a'),
               'success', 1, 1, 5000, 5000, 5000, array[keepwatch.bucket_of(5000)], array[1])`,
          );
        }
      });
      await assertEqual();
      await backfillRollups(options());
      await assertComplete();
      assert.equal(await rolled(), 21);
    });
  }

  it('keeps retention from days that are not in the rollups yet', async () => {
    await writeOld(variedEvents(100));
    await migrate(test.database);
    const keepMs = 86_400_000;
    const before = await listExpired(test.database, { retained: 'events', keepMs });
    await backfillRollups(options());
    const after = await listExpired(test.database, { retained: 'events', keepMs });
    assert.ok(after.length > before.length);
    await assertComplete();
  });
});
