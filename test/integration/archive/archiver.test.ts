import assert from 'node:assert/strict';
import { getTasks } from 'node-cron';
import { watchMachine } from '../../support/machine.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Archiver', () => {
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
  });
  beforeEach(() => {
    spool = createSpoolDir();
  });
  afterEach(() => spool.remove());
  after(() => test.drop());

  function readSource(sourceId: bigint) {
    return test.database.one<{ low_watermark: Date; clock_offset_ms: number; closed: boolean }>(
      'select low_watermark, clock_offset_ms, closed from keepwatch.sources where source_id = $1',
      [sourceId],
    );
  }

  it('archives on its schedule what nobody flushes', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path, { cron: '* * * * * *' });
    archive.start();
    await waitFor(() => archive.stats().batches === 0 && getTasks().size > 0);
    tracker.record({}, {});
    await waitFor(() => archive.stats().archived === 2);
    tracker.record({});
    await waitFor(() => archive.stats().archived === 3);
    await archive.stop({ timeoutMs: 5000 });
  });

  it('moves the watermark of an idle source, and tells how far its clock is off', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path, { now: () => Date.now() - 60_000 });
    tracker.record({});
    await archive.flush();
    const first = await readSource(archive.sourceId);
    const machine = watchMachine(() => test.database.any('select 1'));
    const beforeMs = Date.now();
    await waitFor(() => Date.now() > beforeMs);
    tracker.collect();
    await archive.flush();
    const second = await readSource(archive.sourceId);
    await machine.stop();
    assert.ok(second.low_watermark > first.low_watermark);
    assert.ok(second.low_watermark.getTime() > beforeMs);
    const lateMs = machine.lateMs(beforeMs, Date.now());
    assert.ok(Math.abs(second.clock_offset_ms + 60_000) < 1000 + lateMs, `${second.clock_offset_ms} ms`);
    await archive.stop({ timeoutMs: 5000 });
    assert.equal((await readSource(archive.sourceId)).closed, true);
  });

  it('keeps a script alive that waits for a flush', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    tracker.record({});
    const flushed = archive.flush();
    assert.equal(timers(), before + 1);
    await flushed;
    assert.equal(archive.stats().archived, 1);
    await archive.stop({ timeoutMs: 5000 });
  });

  it('holds the watermark back while the spool has not taken all', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path, { maxQueueBytes: 1 });
    const startMs = Date.now();
    await waitFor(() => Date.now() > startMs);
    const endMs = Date.now();
    tracker.record(...Array.from({ length: 1000 }, () => ({ endMs })));
    tracker.collect();
    await archive.flush();
    const { low_watermark: lowWatermark } = await readSource(archive.sourceId);
    assert.ok(archive.stats().archived < 1000);
    assert.ok(lowWatermark.getTime() < endMs);
    await waitFor(async () => {
      await archive.flush();
      return archive.stats().archived === 1000;
    });
    await archive.stop({ timeoutMs: 5000 });
  });

  it('runs before its time when much waits', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    archive.start();
    tracker.collect();
    tracker.record(...Array.from({ length: 20_000 }, () => ({})));
    tracker.collect();
    await waitFor(() => archive.stats().archived === 20_000);
    await archive.stop({ timeoutMs: 5000 });
  });

  it('makes and removes no task but its own', async () => {
    const others = [...getTasks().keys()];
    const { archive } = createTestArchive(test.database, spool.path);
    archive.start();
    archive.start();
    assert.equal(getTasks().size, others.length + 1);
    await archive.stop({ timeoutMs: 5000 });
    await archive.stop({ timeoutMs: 5000 });
    assert.deepEqual([...getTasks().keys()], others);
  });

  it('goes on when the tracker throws while it is asked for its events', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path, {
      collect: () => {
        throw new Error('no');
      },
    });
    tracker.record({});
    tracker.collect();
    await archive.flush();
    assert.equal(archive.stats().archived, 1);
    await archive.stop({ timeoutMs: 5000 });
  });

  it('takes nothing more when it has stopped', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    await archive.stop({ timeoutMs: 5000 });
    tracker.record({});
    tracker.collect();
    assert.equal(archive.stats().spoolEvents, 0);
    archive.appendSync();
    await archive.flush();
    assert.equal(archive.stats().archived, 0);
  });
});
