import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifyArchive } from '../../../src/archive/verify.ts';
import { closeDatabase, createDatabase } from '../../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

describe('verifyArchive', () => {
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  beforeEach(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  afterEach(async () => {
    await test.drop();
    spool.remove();
  });

  async function archiveSome(count: number): Promise<bigint> {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record(...Array.from({ length: count }, () => ({})));
    await archive.stop({ timeoutMs: 5000 });
    return archive.sourceId;
  }

  it('finds an archive in order, source by source', async () => {
    const sourceId = await archiveSome(10);
    await archiveSome(5);
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.equal(report.ok, true);
    assert.equal(report.totals.recorded, 15);
    assert.equal(report.totals.rows, 15);
    const first = report.sources.find((source) => source.sourceId === String(sourceId));
    assert.equal(first?.recorded, 10);
    assert.equal(first?.archived, 10);
    assert.equal(first?.closed, true);
  });

  it('counts what waits in the spool while Postgres is away', async () => {
    const away = createDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', max: 1, connectTimeoutMs: 500 });
    const { archive, tracker } = createTestArchive(away, spool.path);
    tracker.record({}, {}, {});
    await archive.flush();
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.equal(report.ok, true);
    assert.equal(report.totals.recorded, 3);
    assert.equal(report.totals.queued, 3);
    await archive.stop({ timeoutMs: 2000 });
    await closeDatabase(away);
  });

  it('names a lost row, with both numbers', async () => {
    const sourceId = await archiveSome(10);
    await test.database.none(
      'delete from keepwatch.observability_metrics where id = (select max(id::text)::uuid from keepwatch.events)',
    );
    const report = await verifyArchive({ database: test.database });
    assert.equal(report.ok, false);
    assert.deepEqual(report.sources[0]?.problems, [`source ${sourceId}: archived 10, rows in observability_metrics 9`]);
  });

  it('names a row that is there twice', async () => {
    const sourceId = await archiveSome(10);
    await test.database.none('insert into keepwatch.observability_metrics select * from keepwatch.observability_metrics limit 1');
    const report = await verifyArchive({ database: test.database });
    assert.equal(report.sources[0]?.duplicates, 1);
    assert.deepEqual(report.sources[0]?.problems, [
      `source ${sourceId}: archived 10, rows in observability_metrics 11`,
      `source ${sourceId}: rows 11, different ids 10`,
    ]);
  });

  it('names a ledger that does not add up', async () => {
    const sourceId = await archiveSome(10);
    await test.database.none('update keepwatch.ledger set recorded = 12');
    const report = await verifyArchive({ database: test.database });
    assert.deepEqual(report.sources[0]?.problems, [`source ${sourceId} lane rest: recorded 12, accounted for 10`]);
  });

  it('names a file in the spool that cannot be read, and changes nothing', async () => {
    const away = createDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', max: 1, connectTimeoutMs: 500 });
    const { archive, tracker } = createTestArchive(away, spool.path);
    tracker.record({});
    await archive.stop({ timeoutMs: 2000 });
    await closeDatabase(away);
    const folder = join(spool.path, readdirSync(spool.path)[0] ?? '');
    const segment = readdirSync(folder).find((name) => name.endsWith('.seg')) ?? '';
    writeFileSync(join(folder, segment), 'nonsense');
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.equal(report.ok, false);
    assert.match(report.sources[0]?.problems[0] ?? '', /rest-0000000001\.seg: it does not begin as a segment does/);
    assert.equal(readFileSync(join(folder, segment), 'utf8'), 'nonsense');
  });

  it('names segments that nobody drains, because nothing says whose they are', async () => {
    const away = createDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', max: 1, connectTimeoutMs: 500 });
    const { archive, tracker } = createTestArchive(away, spool.path);
    tracker.record({}, {});
    await archive.stop({ timeoutMs: 2000 });
    await closeDatabase(away);
    const folder = join(spool.path, readdirSync(spool.path)[0] ?? '');
    rmSync(join(folder, 'source.json'));
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.equal(report.ok, false);
    assert.equal(report.sources[0]?.sourceId, String(archive.sourceId));
    assert.equal(report.sources[0]?.queued, 2);
    assert.match(report.sources[0]?.problems[0] ?? '', /source\.json: no source that this version can read/);
  });

  it('names a row that took the place of a lost one', async () => {
    const sourceId = await archiveSome(10);
    await test.database.none(
      `with lost as (delete from keepwatch.observability_metrics where id = (select max(id::text)::uuid from keepwatch.events))
       insert into keepwatch.observability_metrics select * from keepwatch.observability_metrics
       where id = (select min(id::text)::uuid from keepwatch.events)`,
    );
    const report = await verifyArchive({ database: test.database });
    assert.deepEqual(report.sources[0]?.problems, [`source ${sourceId}: rows 10, different ids 9`]);
  });

  it('names rows of a source that the ledger does not know', async () => {
    const sourceId = await archiveSome(3);
    await test.database.none('truncate keepwatch.ledger, keepwatch.sources');
    const report = await verifyArchive({ database: test.database });
    assert.deepEqual(report.sources[0]?.problems, [`source ${sourceId}: archived 0, rows in observability_metrics 3`]);
  });

  for (const [table, insert] of [
    [
      'observability_dead_letter',
      `insert into keepwatch.observability_dead_letter select source_id, 'rest', 1, 1, 1, '22P02', 'x', '' from keepwatch.sources`,
    ],
    [
      'observability_quarantine',
      'insert into keepwatch.observability_quarantine select * from keepwatch.observability_metrics limit 1',
    ],
  ] as const) {
    it(`names a row of ${table} that nobody counted`, async () => {
      await archiveSome(3);
      await test.database.none(insert);
      const report = await verifyArchive({ database: test.database });
      assert.match(report.sources[0]?.problems.join() ?? '', new RegExp(`0, rows in ${table} 1$`));
    });
  }

  it('names a segment that was committed and whose rows came again', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record({}, {});
    await archive.flush();
    // As if the mark had gone back without the rows: what is in the spool behind it is counted twice.
    tracker.record({});
    await archive.flush();
    await test.database.none('update keepwatch.ledger set archived = 2, recorded = 2');
    const report = await verifyArchive({ database: test.database });
    assert.match(report.sources[0]?.problems.join() ?? '', /archived 2, rows in observability_metrics 3/);
    await archive.stop({ timeoutMs: 5000 });
  });
});
