// From the tracker's ring to Postgres: a burst larger than the ring, and not one execution that nobody counts.
import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { type Archive, createArchive } from '../../src/archive/archive.ts';
import { verifyArchive } from '../../src/archive/verify/verify.ts';
import type { EventBatch } from '../../src/event.ts';
import { createClock } from '../../src/instrument/clock.ts';
import { ObservabilityTracker } from '../../src/instrument/tracker.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { createSpoolDir, UNHURRIED } from '../support/test-archive.ts';

const CAPACITY = 256;

/** Moves by half a microsecond with each reading: no execution is slow, so that `keep` holds failures alone. */
function createSteadyClock() {
  let readings = 0;
  return createClock({ monotonicMs: () => ++readings / 2048 });
}

describe('the ring before the archive', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  let archive: Archive;
  let tracker: ObservabilityTracker;
  /** What happens as the sink is offered a batch; it then takes so many of its events. */
  let accept: (batch: EventBatch) => number;

  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());
  beforeEach(() => {
    spool = createSpoolDir();
    tracker = new ObservabilityTracker({
      service: 'test',
      registry: new Registry(),
      ringCapacity: CAPACITY,
      clock: createSteadyClock(),
    });
    archive = createArchive({
      ...UNHURRIED,
      database: test.database,
      spoolDir: spool.path,
      now: () => tracker.now(),
      collect: () => tracker.flush(),
    });
    accept = (batch) => archive.sink.accept(batch);
    tracker.connect({ accept: (batch) => accept(batch) });
  });
  afterEach(() => spool.remove());

  let next = 0;
  /** Executions, of which every `failsEach`th fails; each says its number. @returns the numbers of the failures */
  function burst(count: number, failsEach: number): number[] {
    const failures: number[] = [];
    for (let index = 0; index < count; index++) {
      const execution = tracker.start({ type: 'tool', name: 'work', metadata: { number: ++next } });
      if (index % failsEach === 0) {
        failures.push(next);
        execution.fail(new Error('no'));
      } else execution.end();
    }
    return failures;
  }

  const BUSY = () => 0;

  /** Archives all that waits. @returns the numbers of the failures in Postgres, after it has proved that no event is missing or double */
  async function archiveAll(): Promise<{
    failures: number[];
    archived: number;
    dropped: Record<string, Record<string, number>>;
  }> {
    accept = (batch) => archive.sink.accept(batch);
    tracker.flush();
    const { recorded, handedOn, waiting, dropped } = tracker.counts();
    assert.equal(waiting, 0);
    await archive.stop({ timeoutMs: 10_000 });
    const rows = await test.database.any<{ number: number; status: string }>(
      `select (metadata->>'number')::int as number, status from keepwatch.observability_metrics where source_id = $1 order by 1`,
      [archive.sourceId],
    );
    assert.equal(new Set(rows.map(({ number }) => number)).size, rows.length, 'no event is there twice');
    assert.equal(handedOn, rows.length);
    assert.equal(recorded, rows.length + (dropped.ring_full ?? 0), 'recorded = archived + dropped');
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    assert.equal(report.ok, true);
    const ledger = await test.database.many<{
      lane: string;
      recorded: string;
      archived: string;
      dropped: Record<string, number>;
    }>('select lane, recorded, archived, dropped from keepwatch.ledger where source_id = $1 order by lane', [archive.sourceId]);
    const total = (field: 'recorded' | 'archived') => ledger.reduce((sum, row) => sum + Number(row[field]), 0);
    assert.deepEqual([total('recorded'), total('archived')], [recorded, rows.length], 'the ledger says what the tracker does');
    const failures = rows.filter(({ status }) => status === 'failure').map(({ number }) => number);
    return {
      failures,
      archived: rows.length,
      dropped: Object.fromEntries(ledger.map((row) => [row.lane, row.dropped])),
    };
  }

  it('archives every failure of a burst while the sink is busy, and counts what it lost of the rest', async () => {
    accept = BUSY;
    const failures = burst(5000, 50);
    tracker.flush();
    const archived = await archiveAll();
    assert.deepEqual(archived.failures, failures);
    assert.equal(archived.archived, CAPACITY);
    assert.deepEqual(archived.dropped, { keep: {}, rest: { ring_full: 5000 - CAPACITY } });
  });

  it('archives the youngest failures when there are more of them than places', async () => {
    accept = BUSY;
    const failures = burst(5000, 4);
    const archived = await archiveAll();
    assert.deepEqual(archived.failures, failures.slice(-CAPACITY));
    assert.deepEqual(archived.dropped['keep'], { ring_full: failures.length - CAPACITY });
  });

  it('loses no failure of bursts that come while the sink is writing', async () => {
    const failures: number[] = [];
    for (let round = 0; round < 20; round++) {
      failures.push(...burst(100, 10));
      let isFirst = true;
      accept = (batch) => {
        const taken = archive.sink.accept(batch);
        if (isFirst) failures.push(...burst(300, 10)); // as it looks at the batch, which stays as it is
        isFirst = false;
        return taken;
      };
      tracker.flush();
      if (round % 5 === 0) await archive.flush();
    }
    const archived = await archiveAll();
    assert.deepEqual(archived.failures, failures);
    assert.ok((archived.dropped['rest']?.['ring_full'] ?? 0) > 0, 'the bursts were larger than the ring');
    assert.deepEqual(archived.dropped['keep'], {});
  });
});
