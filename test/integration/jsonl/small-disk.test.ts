// A disk that is full or read-only: the app goes on, nothing is lost that fits in memory, and every event is counted.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { SmallDisk } from '../../chaos/small-disk.ts';
import { createTestStore, readFolder } from '../../support/jsonl-folder.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('JSONL files, on a disk that refuses', function () {
  this.timeout(60_000);
  let disk: SmallDisk;
  beforeEach(async function () {
    disk = await SmallDisk.create(4);
    if (!disk.isMounted) this.skip();
  });
  afterEach(() => disk.remove());

  it('writes as much as a full disk takes, and the rest once there is room, no event twice', async () => {
    const folder = join(disk.path, 'metrics');
    const { store, tracker } = createTestStore(folder);
    const record = (events: number) => {
      for (let index = 0; index < events; index++) tracker.record({ metadata: `"text":"${'x'.repeat(200)}"` });
      const beganMs = performance.now();
      tracker.collect();
      assert.ok(performance.now() - beganMs < 1000, 'recording does not wait');
    };
    record(10);
    await store.flush();
    disk.fill(20_000);
    for (let round = 0; round < 5; round++) {
      record(100);
      await store.flush();
    }
    const { archived, spoolEvents, dropped, reasons } = store.stats();
    assert.match(reasons.join(), /the JSONL folder cannot be written: .*ENOSPC/);
    assert.ok(archived >= 10 && spoolEvents > 0, `${archived} written, ${spoolEvents} wait`);
    assert.equal(tracker.recorded, archived + spoolEvents);
    assert.deepEqual(dropped, {});
    assert.equal(readFolder(folder).events.length, archived);
    await disk.free();
    await waitFor(() => store.stats().state === 'ok', { timeoutMs: 10_000 });
    const { events, broken } = readFolder(folder);
    assert.equal(new Set(events.map(({ id }) => id)).size, 510);
    assert.equal(events.length, 510);
    assert.ok(broken.length <= 6, `${broken.length} broken lines, of writes that were cut short`);
    await store.stop({ timeoutMs: 1000 });
  });

  it('waits for a disk that is read-only, drops what does not fit in memory, and goes on', async () => {
    const folder = join(disk.path, 'metrics');
    const { store, tracker } = createTestStore(folder, { maxQueueBytes: 100_000 });
    tracker.record({});
    await store.flush();
    assert.ok(await disk.makeReadOnly());
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 200; index++) tracker.record({});
      await store.flush();
    }
    const { archived, spoolEvents, spoolBytes, dropped, reasons } = store.stats();
    assert.match(reasons.join(), /EROFS.*events are dropped/);
    assert.ok(spoolBytes < 200_000 && (dropped.spool_error ?? 0) > 0);
    assert.equal(tracker.recorded, archived + spoolEvents + (dropped.spool_error ?? 0));
    await disk.makeWritable();
    await waitFor(() => store.stats().state === 'ok', { timeoutMs: 10_000 });
    tracker.record({});
    await store.flush();
    const after = store.stats();
    assert.equal(after.spoolEvents, 0);
    assert.equal(readFolder(folder).events.length, after.archived);
    assert.equal(tracker.recorded, after.archived + (after.dropped.spool_error ?? 0));
    await store.stop({ timeoutMs: 1000 });
  });

  it('says at the end what a full disk has not taken', async () => {
    const errors: object[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void errors.push(fields) };
    const { store, tracker } = createTestStore(join(disk.path, 'metrics'), { logger });
    disk.fill(0);
    tracker.record({}, {}, {});
    await store.stop({ timeoutMs: 2000 });
    assert.deepEqual(errors, [{ events: 3 }]);
  });
});
