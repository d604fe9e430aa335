// An owner that was stopped and wakes up beside, amid or after another process that has taken it for dead: nothing lost, nothing doubled.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { formatSourceId } from '../../../src/archive/spool/source.ts';
import { listSegments } from '../../../src/archive/spool/spool-folder.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import type { Database } from '../../../src/db/database.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { readSpooledIds } from '../../support/spooled-ids.ts';
import { createSpoolDir, createTestArchive, type TestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Archive, an owner that was taken for dead', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  let made: TestArchive;
  let awayMs: number;
  /** By the owners of earlier tests. */
  let recordedBefore: number;
  before(async () => {
    test = await createTestDatabase();
  });
  beforeEach(() => open());
  afterEach(() => spool.remove());
  after(() => test.drop());

  async function open(): Promise<void> {
    const { recorded } = await test.database.one<{ recorded: string }>(
      'select coalesce(sum(recorded), 0) as recorded from keepwatch.ledger',
    );
    recordedBefore = Number(recorded);
    spool = createSpoolDir();
    awayMs = 0;
    const leaseClock = { monotonicMs: () => performance.now() + awayMs, wallMs: () => Date.now() + awayMs };
    made = createTestArchive(test.database, spool.path, { leaseClock });
  }

  const folderOf = (sourceId: bigint) => join(spool.path, formatSourceId(sourceId));

  function record(events: number): void {
    for (let index = 0; index < events; index++) made.tracker.record({ lane: index % 3 === 0 ? 'keep' : 'rest' });
    made.tracker.collect();
  }

  /** Lets writes under way come to wherever they come in some turns of the event loop. */
  async function settle(): Promise<void> {
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** As another process does it that cannot see the owner's; everything that it acknowledges is removed at once, then the folder. */
  async function adopt(database: Database = test.database): Promise<void> {
    for (let pass = 0; pass < 2; pass++) {
      for (const name of readdirSync(spool.path)) disown(join(spool.path, name, 'source.json'));
      const partitions = createPartitions(test.database);
      await drainLeftovers({ database, partitions, spoolDir: spool.path, logger: silentLogger, maxAcknowledgedBytes: 0 });
    }
  }

  function disown(path: string): void {
    if (!existsSync(path)) return;
    const source = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...source, pidNamespace: 'pid:[1]', pid: 4_194_305 }));
    utimesSync(path, 0, 0);
  }

  /** Wakes the owner amid an adoption: before the statement of that number. */
  function databaseThatWakes(statement: number, wake: () => Promise<void>): Database {
    let left = statement;
    const handler: ProxyHandler<Database> = {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]) => {
          if (left-- === 0) await wake();
          return (value as (...all: unknown[]) => unknown).apply(target, given);
        };
      },
    };
    return new Proxy(test.database, handler);
  }

  async function assertProved(): Promise<void> {
    awayMs += 25_000;
    record(3);
    await made.archive.flush();
    await made.archive.stop({ timeoutMs: 10_000 });
    await adopt();
    const { sources } = await verifyArchive({ database: test.database, spoolDir: spool.path });
    const known = await test.database.any<{ source_id: string }>('select source_id from keepwatch.sources where not closed');
    assert.deepEqual(known, []);
    const sum = (pick: (source: (typeof sources)[number]) => number) => sources.reduce((all, source) => all + pick(source), 0);
    assert.deepEqual(
      sources.flatMap(({ problems }) => problems),
      [],
    );
    assert.deepEqual(
      sum(({ queued }) => queued),
      0,
    );
    const expected = recordedBefore + made.tracker.recorded;
    assert.equal(
      sum(({ recorded }) => recorded),
      expected,
    );
    assert.equal(
      sum(({ archived }) => archived),
      expected,
    );
    assert.deepEqual((await listSegments(folderOf(made.archive.sourceId))).length, 0);
  }

  it('loses and doubles nothing when it was stopped between its check and its write', async () => {
    record(10);
    await waitFor(() => readSpooledIds(spool.path).length === 10);
    const first = made.archive.sourceId;
    await adopt();
    assert.equal(existsSync(folderOf(first)), false);
    record(7); // the lease was not over when it was checked: written to files that are gone
    await settle();
    assert.equal(made.archive.sourceId, first);
    awayMs = 25_000;
    record(5);
    assert.notEqual(made.archive.sourceId, first);
    await made.archive.flush();
    await assertProved();
  });

  it('loses and doubles nothing when it seals and drains while another process drains the same', async () => {
    let woken = 0;
    for (let statement = 0; statement < 10; statement++) {
      awayMs += 25_000; // a new source
      record(10);
      await waitFor(() => readSpooledIds(folderOf(made.archive.sourceId)).length === 10);
      const wake = async () => {
        woken++;
        record(4);
        await made.archive.flush();
        awayMs += statement % 2 === 0 ? 25_000 : 0;
        record(4);
        await settle();
      };
      await adopt(databaseThatWakes(statement, wake));
    }
    assert.ok(woken >= 8, `${woken} times`);
    await assertProved();
  });

  const step = fc.oneof(
    fc.record({
      kind: fc.constantFrom('record', 'record', 'settle', 'flush', 'adopt', 'away'),
      count: fc.integer({ min: 1, max: 20 }),
    }),
    fc.record({ kind: fc.constant('adopt and wake'), count: fc.nat(12) }),
  );

  it('loses and doubles nothing, in whatever order it writes, sleeps, and is adopted', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      spool.remove();
      await open();
      for (const { kind, count } of steps) {
        if (kind === 'record') record(count);
        if (kind === 'settle') await settle();
        if (kind === 'flush') await made.archive.flush();
        if (kind === 'adopt') await adopt();
        if (kind === 'away') awayMs += count * 2000;
        if (kind === 'adopt and wake') {
          const wake = async () => {
            record(count + 1);
            if (count % 2 === 0) await made.archive.flush();
            else await settle();
          };
          await adopt(databaseThatWakes(count, wake));
        }
      }
      await assertProved();
    });
    await fc.assert(property, { numRuns: 10, endOnFailure: true });
  });
});
