// `verify` beside writers, retention, adoption and a Postgres that comes and goes: whatever is under way in its moment, it never says that
// something is wrong where nothing is.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { Lease } from '../../../src/archive/maintenance/lease.ts';
import { expirePartitions } from '../../../src/archive/maintenance/retention.ts';
import { formatSourceId } from '../../../src/archive/spool/source.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import type { EventSeries } from '../../../src/event.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive, type TestArchive } from '../../support/test-archive.ts';

const DAY_MS = 86_400_000;
/** At least. */
const FOR_MS = 4000;
const TIMES = 6;
const SERIES = ['search', 'fetch', 'answer'].map((name): EventSeries => ({ type: 'tool', name, service: 'test', metadata: '' }));

/** One in ten comes out of the future, and into the quarantine. */
const soon = (event: number) => (event % 10 === 0 ? -0.1 : 0);

describe('verifyArchive, beside all that goes on', function () {
  this.timeout(90_000);
  let test: TestDatabase;
  let away: Database;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
    away = createDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', max: 1, connectTimeoutMs: 200 });
  });
  after(async () => {
    await closeDatabase(away);
    await test.drop();
    spool.remove();
  });

  it('never names a difference where there is none', async () => {
    const old = createTestArchive(test.database, spool.path);
    record(old, 500, (event) => 2.5 + (event % 5));
    await old.archive.stop({ timeoutMs: 10_000 });
    const endMs = Date.now() + FOR_MS;
    let times = 0;
    const isGoingOn = () => Date.now() < endMs || times < TIMES;
    const tasks = Promise.all([write(isGoingOn), write(isGoingOn), writeAndDie(isGoingOn), expire(isGoingOn)]);
    let expired = 0;
    do {
      const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
      assert.deepEqual(
        report.sources.flatMap(({ problems, losses }) => [...problems, ...losses].map(({ message }) => message)),
        [],
      );
      times++;
      expired = report.totals.expired;
    } while (isGoingOn());
    await tasks;
    const { ok, totals } = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.equal(ok, true);
    assert.ok(expired > 0 && totals.queued === 0, `${expired} expired, ${totals.queued} queued`);
    assert.ok(totals.recorded > 1000 && totals.recorded === totals.rows + totals.expired + totals.quarantined);
    assert.equal(totals.seriesRecorded, totals.recorded);
  });

  function record({ tracker }: TestArchive, events: number, ageDays: (event: number) => number = soon): void {
    for (let event = 0; event < events; event++) {
      const series = SERIES[event % SERIES.length] as EventSeries;
      tracker.record({ series, lane: event % 4 === 0 ? 'keep' : 'rest', endMs: Date.now() - ageDays(event) * DAY_MS });
    }
    tracker.collect();
  }

  async function write(isGoingOn: () => boolean): Promise<void> {
    const made = createTestArchive(test.database, spool.path);
    while (isGoingOn()) {
      for (let batch = 0; batch < 5; batch++) record(made, 40);
      await made.archive.flush();
    }
    await made.archive.stop({ timeoutMs: 10_000 });
  }

  /** One process after another that cannot reach Postgres and dies, and whose spool others adopt. */
  async function writeAndDie(isGoingOn: () => boolean): Promise<void> {
    const { database } = test;
    while (isGoingOn()) {
      const made = createTestArchive(away, spool.path);
      for (let segment = 0; segment < 3; segment++) {
        record(made, 100);
        await made.archive.flush();
      }
      await made.archive.stop({ timeoutMs: 2000 });
      const sourceFile = join(spool.path, formatSourceId(made.archive.sourceId), 'source.json');
      writeFileSync(
        sourceFile,
        JSON.stringify({ ...(JSON.parse(readFileSync(sourceFile, 'utf8')) as object), pidStartTime: '1' }),
      );
      const adopt = () =>
        drainLeftovers({ database, partitions: createPartitions(database), spoolDir: spool.path, logger: silentLogger });
      await Promise.all([adopt(), adopt()]);
    }
  }

  async function expire(isGoingOn: () => boolean): Promise<void> {
    const database = createDatabase({ url: test.url, max: 1 });
    const lease = new Lease({ database, name: 'maintenance', holder: 'test', seconds: 60 });
    // A day after the other.
    for (let keepDays = 7; isGoingOn(); keepDays = Math.max(1, keepDays - 0.2)) {
      await expirePartitions({ retained: 'events', database, lease, keepMs: keepDays * DAY_MS, shouldStop: () => false });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await closeDatabase(database);
  }
});
