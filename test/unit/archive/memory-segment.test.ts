// What the disk refuses can be committed straight from memory: as a segment with a number of its own, so that the mark counts it once.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { splitTuples } from '../../../src/archive/segments/copy-tuples.ts';
import { readSegment } from '../../../src/archive/segments/segment-reader.ts';
import { Spool } from '../../../src/archive/spool/spool.ts';
import { listSegments } from '../../../src/archive/spool/spool-folder.ts';
import type { EventCounts } from '../../../src/event.ts';
import { silentLogger } from '../../../src/logger.ts';
import { ArrayBatch } from '../../support/array-batch.ts';
import { createSpoolDir } from '../../support/test-archive.ts';

/** Commits blocks as the ledger does: whatever stands behind the mark, once. */
class MarkedRows {
  readonly ids: string[] = [];
  counts: EventCounts | undefined;
  #segment = 0;
  #block = 0;

  commit(bytes: Buffer): void {
    const segment = readSegment(bytes);
    assert.ok(segment);
    const { header, blocks } = segment;
    for (const { number, frames, counts } of blocks) {
      if (header.segment < this.#segment || (header.segment === this.#segment && number <= this.#block)) continue;
      this.#segment = header.segment;
      this.#block = number;
      this.counts = counts;
      this.ids.push(...splitTuples(frames).map((tuple) => tuple.toString('hex', 6, 22)));
    }
  }
}

describe('Spool, a disk that refuses', () => {
  let folder: ReturnType<typeof createSpoolDir>;
  let spoolDir: string;
  let spool: Spool;
  let recorded: number;
  beforeEach(() => {
    folder = createSpoolDir();
    open();
  });
  afterEach(() => {
    spool.stopRetrying();
    folder.remove();
  });

  function open(): void {
    spoolDir = join(folder.path, 'spool');
    recorded = 0;
    spool = new Spool({
      spoolDir,
      service: 'test',
      instance: 'test:1',
      now: Date.now,
      maxBytes: 1e9,
      maxQueueBytes: 200_000,
      durability: 'process',
      logger: silentLogger,
    });
  }

  /** From now on nothing can be made or renamed; what is there can still be read, by who knows where, and what is open be written. */
  function block(): void {
    if (isBlocked()) return;
    if (existsSync(spoolDir)) renameSync(spoolDir, `${spoolDir}.away`);
    writeFileSync(spoolDir, 'a file where the folder should be');
  }

  function mend(): void {
    if (!isBlocked()) return;
    rmSync(spoolDir);
    if (existsSync(`${spoolDir}.away`)) renameSync(`${spoolDir}.away`, spoolDir);
  }

  const isBlocked = () => statSync(spoolDir, { throwIfNoEntry: false })?.isFile() === true;

  const lane = () => spool.current.lane('rest');

  function accept(events: number): number {
    const counts = { recorded: recorded + events, sampledOut: 0, dropped: {} };
    const taken = spool.accept(
      new ArrayBatch(
        Array.from({ length: events }, () => ({})),
        counts,
      ),
    );
    recorded += taken;
    return taken;
  }

  const files = () => {
    const { folder: own } = spool.current;
    return listSegments(isBlocked() ? own.replace(spoolDir, `${spoolDir}.away`) : own, 'rest');
  };

  it('gives no segment from memory while the disk takes all', async () => {
    accept(10);
    await spool.seal();
    assert.equal(lane().takeMemorySegment(), undefined);
  });

  it('gives what waits as one complete segment, the same one until it is acknowledged', async () => {
    block();
    accept(10);
    assert.equal(await spool.seal(), false);
    const first = lane().takeMemorySegment();
    accept(5);
    assert.equal(lane().takeMemorySegment(), first);
    assert.deepEqual([spool.events, lane().lastSealed], [15, 0]);
    const rows = new MarkedRows();
    rows.commit(first?.bytes ?? Buffer.alloc(0));
    lane().acknowledgeMemory(first?.segment ?? 0);
    assert.equal(spool.events, 5);
    await spool.seal();
    rows.commit(lane().takeMemorySegment()?.bytes ?? Buffer.alloc(0));
    assert.equal(rows.ids.length, 15);
    assert.deepEqual(rows.counts, { recorded: 15, sampledOut: 0, dropped: {} });
  });

  it('writes it to a disk that comes back, before what came later, and under its number', async () => {
    block();
    accept(10);
    await spool.seal();
    const memory = lane().takeMemorySegment();
    assert.ok(memory);
    accept(5);
    mend();
    assert.equal(await spool.seal(), true);
    const entries = await files();
    assert.deepEqual(
      entries.map(({ segment, isSealed }) => [segment, isSealed]),
      [
        [memory.segment, true],
        [memory.segment + 1, true],
      ],
    );
    assert.deepEqual(readFileSync(entries[0]?.path ?? ''), memory.bytes);
    lane().acknowledgeMemory(memory.segment);
    assert.equal(lane().lastSealed, memory.segment + 1);
    assert.equal(spool.events, 15, 'the file is still to be drained and removed');
  });

  it('tells what was dropped for want of memory, also when no event follows', async () => {
    block();
    while (accept(100) === 100 && spool.dropped.spool_error === undefined) await spool.seal();
    const rows = new MarkedRows();
    for (let pass = 0; pass < 20; pass++) {
      await spool.seal();
      const memory = lane().takeMemorySegment();
      if (memory === undefined) continue;
      rows.commit(memory.bytes);
      lane().acknowledgeMemory(memory.segment);
    }
    const dropped = spool.dropped.spool_error ?? 0;
    assert.ok(dropped > 0);
    assert.deepEqual(rows.counts, { recorded, sampledOut: 0, dropped: { spool_error: dropped } });
    assert.equal(rows.ids.length, recorded - dropped);
    assert.deepEqual([spool.events, spool.bytes, spool.hasUntoldCounts], [0, 0, false]);
  });

  it('is known to be well again when nothing is left to be written', async () => {
    block();
    accept(10);
    await spool.seal();
    const memory = lane().takeMemorySegment();
    lane().acknowledgeMemory(memory?.segment ?? 0);
    await spool.seal();
    assert.match(spool.failure ?? '', /EEXIST|ENOTDIR/);
    mend();
    assert.equal(await spool.seal(), true);
    assert.equal(spool.failure, undefined);
  });

  it('writes the segment in memory, too, when the process ends', async () => {
    block();
    accept(10);
    await spool.seal();
    lane().takeMemorySegment();
    accept(5);
    mend();
    spool.appendSync();
    const rows = new MarkedRows();
    for (const { path, isSealed } of await files()) if (isSealed) rows.commit(readFileSync(path));
    assert.equal(rows.ids.length, 10);
    assert.equal((await files()).length, 2);
  });

  const step = fc.constantFrom('accept', 'seal', 'take', 'commit', 'acknowledge', 'drain', 'block', 'mend');

  it('commits every event once, whenever the disk goes and comes', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.infiniteStream(fc.nat(300)), async (steps, sizes) => {
      spool.stopRetrying();
      folder.remove();
      folder = createSpoolDir();
      open();
      const rows = new MarkedRows();
      const drain = async () => {
        const { lastSealed } = lane();
        const entries = (await files()).filter(({ segment }) => segment <= lastSealed);
        for (const { path } of entries) {
          rows.commit(readFileSync(path));
          rmSync(path);
        }
        lane().acknowledge(lastSealed);
      };
      for (const each of steps) {
        if (each === 'accept') accept(sizes.next().value ?? 0);
        if (each === 'seal') await spool.seal();
        if (each === 'drain') await drain();
        if (each === 'block' && !isBlocked()) {
          await spool.seal(); // so that nobody makes the folder in this moment
          block();
        }
        if (each === 'mend') mend();
        if (each === 'take' || each === 'commit' || each === 'acknowledge') {
          await drain();
          const memory = lane().takeMemorySegment();
          if (memory === undefined) continue;
          if (each !== 'take') rows.commit(memory.bytes);
          if (each === 'acknowledge') lane().acknowledgeMemory(memory.segment);
        }
      }
      mend();
      while (!(await spool.seal())); // an attempt under way may have begun before it was mended
      await drain();
      assert.equal(new Set(rows.ids).size, rows.ids.length);
      assert.equal(rows.ids.length, recorded - (spool.dropped.spool_error ?? 0));
      assert.deepEqual([spool.events, spool.bytes], [0, 0]);
    });
    await fc.assert(property, { numRuns: 100 });
  });
});
