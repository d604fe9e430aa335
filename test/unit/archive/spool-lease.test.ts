// Who was stopped for too long may find that another process has drained and removed what it wrote: it goes on under a new id.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSource, parseSource } from '../../../src/archive/spool/source.ts';
import { SourceHome } from '../../../src/archive/spool/source-home.ts';
import { Spool } from '../../../src/archive/spool/spool.ts';
import { listSegments } from '../../../src/archive/spool/spool-folder.ts';
import { LANES } from '../../../src/event.ts';
import { silentLogger } from '../../../src/logger.ts';
import { ArrayBatch } from '../../support/array-batch.ts';
import { readSpool } from '../../support/spooled-rows.ts';
import { createSpoolDir } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Spool, its lease', () => {
  let folder: ReturnType<typeof createSpoolDir>;
  let nowMs: { monotonic: number; wall: number };
  let spool: Spool;
  let recorded: number;
  const clock = { monotonicMs: () => nowMs.monotonic, wallMs: () => nowMs.wall };
  beforeEach(() => {
    folder = createSpoolDir();
    nowMs = { monotonic: 1e6, wall: Date.now() };
    recorded = 0;
    spool = new Spool({
      spoolDir: folder.path,
      service: 'test',
      instance: 'test:1',
      now: Date.now,
      maxBytes: 1e9,
      durability: 'process',
      clock,
      logger: silentLogger,
    });
  });
  afterEach(async () => {
    await spool.seal();
    folder.remove();
  });

  function accept(events: number): void {
    recorded += events;
    const counts = { recorded, sampledOut: 0, dropped: {} };
    spool.accept(
      new ArrayBatch(
        Array.from({ length: events }, () => ({})),
        counts,
      ),
    );
  }

  const written = (events: number) =>
    waitFor(async () => (await readSpool(folder.path)).reduce((sum, { ids }) => sum + ids.length, 0) === events);

  function pass(monotonicMs: number, wallMs = monotonicMs): void {
    nowMs.monotonic += monotonicMs;
    nowMs.wall += wallMs;
  }

  it('holds while it is touched, for hours', async () => {
    accept(1);
    await written(1);
    for (let touch = 0; touch < 2000; touch++) {
      pass(5000);
      await spool.touch();
    }
    accept(1);
    await spool.seal();
    assert.deepEqual(spool.retired, []);
    assert.equal(Math.round(statSync(join(spool.current.folder, 'source.json')).mtimeMs), nowMs.wall);
  });

  it('does not begin before there is a folder', async () => {
    accept(0);
    pass(3_600_000);
    await spool.touch();
    accept(1);
    await spool.seal();
    assert.deepEqual(spool.retired, []);
  });

  for (const [what, monotonicMs, wallMs] of [
    ['the process was stopped', 21_000, 21_000],
    ['the machine was suspended', 10, 3_600_000],
    ['the clock was set back', 10, -3_600_000],
    ['the clock stood still', 21_000, 0],
  ] as const) {
    it(`lapses when ${what}: the next events have a new source, counted from there`, async () => {
      accept(10);
      await written(10);
      const before = spool.current;
      pass(monotonicMs, wallMs);
      accept(5);
      assert.deepEqual(spool.retired, [before]);
      await spool.seal();
      const held = await readSpool(folder.path);
      assert.deepEqual(
        held.map(({ counts, ids }) => [counts.recorded, ids.length]).toSorted(([a = 0], [b = 0]) => a - b),
        [
          [5, 5],
          [10, 10],
        ],
      );
    });
  }

  it('is found to have lapsed by the touch that comes too late', async () => {
    accept(1);
    await written(1);
    pass(25_000);
    await spool.touch();
    pass(1000);
    assert.equal(spool.retired.length, 1);
    accept(1);
    assert.equal(spool.retired.length, 1);
  });

  it('has lapsed for ever, also when the folder is made again', async () => {
    const source = createSource({ service: 'test', instance: 'test:1', startedAtMs: 0 });
    const home = new SourceHome(join(folder.path, 'home'), source, clock);
    await home.make();
    home.forget(); // the disk refused something, after a long time
    pass(25_000);
    await home.make();
    assert.equal(home.hasLapsed, true);
  });

  it('is found to have lapsed by a write, and ends the open segment before what is queued is written', async () => {
    accept(10);
    await written(10);
    accept(5); // its write begins
    accept(5); // waits for that one
    pass(25_000);
    await waitFor(() => spool.retired.length === 1);
    await spool.seal();
    const [held, ...others] = await readSpool(folder.path);
    assert.deepEqual([held?.ids.length, held?.counts.recorded, others], [20, 20, []]);
    assert.equal(spool.retired[0]?.lane('rest').lastSealed, 2);
  });

  it('is found to have lapsed by the seal of an idle source, which is sealed once', async () => {
    accept(10);
    await written(10);
    pass(25_000);
    for (let call = 0; call < 2; call++) assert.equal(await spool.seal(), true);
    const lanes = spool.retired.flatMap((source) => LANES.map((lane) => source.lane(lane)));
    assert.deepEqual(
      lanes.map(({ lastSealed, events, failure }) => ({ lastSealed, events, failure })),
      [
        { lastSealed: 0, events: 0, failure: undefined },
        { lastSealed: 1, events: 10, failure: undefined },
      ],
    );
  });

  it('lapses when somebody has removed the folder, and brings back what the open segment held', async () => {
    accept(10);
    await written(10);
    const { folder: removed, source } = spool.current;
    rmSync(removed, { recursive: true });
    accept(7); // checked, and then written to a file that is gone
    await waitFor(() => spool.current.lane('rest').queuedBytes === 0);
    await spool.touch();
    assert.equal(spool.retired.length, 1);
    accept(5);
    await spool.seal();
    const held = await readSpool(folder.path);
    assert.deepEqual(new Set(held.map(({ ids }) => ids.length)), new Set([17, 5]));
    assert.deepEqual(parseSource(readFileSync(join(removed, 'source.json'), 'utf8')), source);
    assert.equal(new Set(held.flatMap(({ ids }) => ids)).size, 22);
  });

  it('shows others no part of what it brings back', async () => {
    accept(20_000);
    await written(20_000);
    const { folder: removed } = spool.current;
    rmSync(removed, { recursive: true });
    await spool.touch();
    let hasEnded = false;
    const ended = spool.seal().then(() => {
      hasEnded = true;
    });
    const sizes = new Set<number>();
    while (!hasEnded) {
      for (const { path, isSealed } of await listSegments(removed)) if (isSealed) sizes.add(statSync(path).size);
    }
    await ended;
    const [{ path } = { path: '' }] = await listSegments(removed);
    assert.deepEqual([...sizes], [statSync(path).size]);
  });

  it('tells its counts again when what the open segment held is lost', async () => {
    accept(10);
    await written(10);
    const { folder: removed } = spool.current;
    rmSync(removed, { recursive: true });
    writeFileSync(removed, 'in its place');
    assert.equal(await spool.seal(), false);
    rmSync(removed);
    await spool.seal();
    const [told] = await readSpool(folder.path);
    assert.deepEqual([told?.ids, told?.counts.recorded], [[], 10]);
  });
});
