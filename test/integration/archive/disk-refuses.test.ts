// A disk that is full, or read-only: what it refuses is committed straight from memory, once, whichever of the two comes back first.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { SmallDisk } from '../../chaos/small-disk.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { createTestArchive, type TestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Archive, on a disk that refuses', function () {
  this.timeout(120_000);
  let test: TestDatabase;
  let proxy: TcpProxy;
  let proxied: Database;
  let disk: SmallDisk;
  let made: TestArchive;
  let awayMs: number;
  let recordedBefore: number;
  before(async function () {
    disk = await SmallDisk.create(2);
    if (!disk.isMounted) {
      await disk.remove();
      this.skip();
    }
    test = await createTestDatabase();
    proxy = await TcpProxy.start(test.url);
    proxied = createDatabase({ url: proxy.urlOf(test.url), max: 3, connectTimeoutMs: 2000 });
  });
  beforeEach(open);
  after(async () => {
    if (test === undefined) return;
    await closeDatabase(proxied);
    await proxy.close();
    await test.drop();
    await disk.remove();
  });

  async function open(): Promise<void> {
    await disk.clear();
    proxy.up();
    const known = await test.database.one<{ recorded: string }>(
      'select coalesce(sum(recorded), 0) as recorded from keepwatch.ledger',
    );
    recordedBefore = Number(known.recorded);
    awayMs = 0;
    const leaseClock = { monotonicMs: () => performance.now() + awayMs, wallMs: () => Date.now() + awayMs };
    made = createTestArchive(proxied, disk.path, { maxQueueBytes: 400_000, leaseClock });
  }

  function record(events: number): void {
    for (let index = 0; index < events; index++) made.tracker.record({ lane: index % 4 === 0 ? 'keep' : 'rest' });
    made.tracker.collect();
  }

  const archived = () => made.archive.stats().archived;

  /** Disk and Postgres are well again: all is archived or counted, nothing twice. */
  async function assertProved(): Promise<Readonly<Record<string, number>>> {
    await disk.free();
    proxy.up();
    await waitFor(
      async () => {
        record(1);
        await made.archive.flush();
        const { spoolEvents, reasons } = made.archive.stats();
        return spoolEvents === 0 && reasons.length === 0;
      },
      { timeoutMs: 30_000, what: 'an archive that is well' },
    );
    const { dropped } = made.archive.stats();
    await made.archive.stop({ timeoutMs: 10_000 });
    const { sources } = await verifyArchive({ database: test.database, spoolDir: disk.path });
    assert.deepEqual(
      sources.flatMap(({ problems }) => problems),
      [],
    );
    const recorded = sources.reduce((sum, source) => sum + source.recorded, 0);
    assert.equal(recorded, recordedBefore + made.tracker.recorded);
    const { rows } = await test.database.one<{ rows: string }>('select count(*) as rows from keepwatch.observability_metrics');
    const all = sources.reduce((sum, source) => sum + source.archived, 0);
    assert.equal(Number(rows), all);
    return dropped;
  }

  it('commits from memory while the disk is full, and goes on with files when there is room', async () => {
    record(100);
    await made.archive.flush();
    for (let round = 1; round <= 5; round++) {
      await disk.free();
      disk.fill(0);
      record(100);
      await waitFor(() => /^the spool cannot be written: ENOSPC/.test(made.archive.stats().reasons.join()));
      await made.archive.flush();
      assert.equal(archived(), 100 * (round + 1));
    }
    assert.deepEqual(await assertProved(), {});
    const left = readdirSync(disk.path, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(open|seg)$/.test(name));
    assert.deepEqual(left, []);
  });

  it('commits what is on a read-only disk and what is in memory, in order', async () => {
    proxy.down();
    for (let round = 0; round < 3; round++) {
      record(100);
      await made.archive.flush();
    }
    assert.equal(await disk.makeReadOnly(), true);
    record(100);
    await made.archive.flush();
    assert.match(made.archive.stats().reasons.join(), /the spool cannot be written: EROFS/);
    proxy.up();
    await waitFor(async () => {
      await made.archive.flush();
      return archived() === 400;
    });
    awayMs = 25_000; // it could not be touched: the source is given up
    for (let round = 0; round < 3; round++) {
      record(100);
      await made.archive.flush();
    }
    assert.equal(archived(), 700);
    assert.deepEqual(await assertProved(), {});
  });

  it('counts what neither the disk nor Postgres nor the memory takes', async () => {
    disk.fill(0);
    proxy.down();
    for (let round = 0; round < 40; round++) record(100);
    await made.archive.flush();
    const { spool_error = 0 } = made.archive.stats().dropped;
    assert.ok(spool_error > 0);
    const { spool_error: dropped = 0, ...others } = await assertProved();
    assert.ok(dropped >= spool_error);
    assert.deepEqual(others, {});
  });

  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('record'), count: fc.nat(400) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom('flush', 'fill', 'free', 'read-only', 'down', 'up', 'away'),
        count: fc.nat(200_000),
      }),
    },
  );

  it('loses and doubles nothing, however disk and Postgres come and go', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      await open();
      for (const { kind, count } of steps) {
        if (kind === 'record') record(count);
        if (kind === 'flush') await made.archive.flush();
        if (kind === 'fill') disk.fill(count);
        if (kind === 'free') await disk.free();
        if (kind === 'read-only') await disk.makeReadOnly();
        if (kind === 'down') proxy.down();
        if (kind === 'up') proxy.up();
        if (kind === 'away') awayMs += 25_000;
      }
      await assertProved();
    });
    await fc.assert(property, { numRuns: 8, endOnFailure: true });
  });
});
