import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import fc from 'fast-check';
import { Spool, type SpoolOptions } from '../../../src/archive/spool/spool.ts';
import { listSegments } from '../../../src/archive/spool/spool-folder.ts';
import { type DropReason, type EventCounts, LANES, type Lane } from '../../../src/event.ts';
import { silentLogger } from '../../../src/logger.ts';
import { within } from '../../../src/within.ts';
import { ArrayBatch } from '../../support/array-batch.ts';
import { readSpool } from '../../support/spooled-rows.ts';
import { createSpoolDir } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

interface LaneState {
  recorded: number;
  sampledOut: number;
  dropped: Partial<Record<DropReason, number>>;
  waiting: number;
}

/** A ring in numbers: events that wait, and the counts that its batches carry. */
class CountingRing {
  readonly lanes: Record<Lane, LaneState> = {
    keep: { recorded: 0, sampledOut: 0, dropped: {}, waiting: 0 },
    rest: { recorded: 0, sampledOut: 0, dropped: {}, waiting: 0 },
  };

  record(lane: Lane, { events, sampledOut, ringFull }: { events: number; sampledOut: number; ringFull: number }): void {
    const state = this.lanes[lane];
    state.recorded += events + sampledOut + ringFull;
    state.sampledOut += sampledOut;
    state.waiting += events;
    if (ringFull > 0) state.dropped.ring_full = (state.dropped.ring_full ?? 0) + ringFull;
  }

  offer(lane: Lane, spool: Spool, nowMs: number): void {
    const state = this.lanes[lane];
    const { recorded, sampledOut, dropped } = state;
    const events = Array.from({ length: state.waiting }, () => ({ endMs: nowMs }));
    state.waiting -= spool.accept(new ArrayBatch(events, { recorded, sampledOut, dropped: { ...dropped } }, nowMs, lane));
  }
}

const total = (dropped: EventCounts['dropped']) => Object.values(dropped).reduce((sum, events) => sum + events, 0);

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      lane: fc.constantFrom(...LANES),
      events: fc.nat(400),
      sampledOut: fc.nat(3),
      ringFull: fc.nat(3),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('offer' as const), lane: fc.constantFrom(...LANES) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rotate' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('seal' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fill' as const), isFull: fc.boolean() }) },
);

describe('Spool', () => {
  let folder: ReturnType<typeof createSpoolDir>;
  beforeEach(() => {
    folder = createSpoolDir();
  });
  afterEach(() => folder.remove());

  function createSpool(options: Partial<SpoolOptions> = {}): Spool {
    return new Spool({
      spoolDir: folder.path,
      service: 'test',
      instance: 'test:1',
      now: Date.now,
      maxBytes: 1e9,
      durability: 'process',
      logger: silentLogger,
      ...options,
    });
  }

  it('seals what it has accepted, however much comes meanwhile', async () => {
    const spool = createSpool({ maxBytes: 2e9, durability: 'disk' });
    const events = Array.from({ length: 50 }, () => ({}));
    let recorded = 0;
    let isStopping = false;
    const produce = () => {
      if (isStopping) return;
      const counts = { recorded: recorded + events.length, sampledOut: 0, dropped: {} };
      recorded += spool.accept(new ArrayBatch(events, counts));
      setImmediate(produce);
    };
    produce();
    try {
      for (let pass = 1; pass <= 3; pass++) {
        const { lastSealed } = spool.current.lane('rest');
        assert.ok(await within(3000, spool.seal()), `pass ${pass} goes on for ever`);
        assert.ok(spool.current.lane('rest').lastSealed > lastSealed);
      }
    } finally {
      isStopping = true;
    }
    assert.ok(await spool.seal());
    assert.equal(spool.current.lane('rest').unsealedEvents, 0);
    const lanes = await readSpool(folder.path);
    assert.deepEqual(
      lanes.map(({ ids, counts, isSealed }) => [ids.length, counts.recorded, isSealed]),
      [[recorded, recorded, true]],
    );
  });

  it('counts what it was given exactly once, over whatever sources it came to', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      folder.remove();
      folder = createSpoolDir();
      const spool = createSpool({ maxQueueBytes: 100_000, segmentBytes: 30_000 });
      const ring = new CountingRing();
      let nowMs = Date.now();
      for (const each of steps) {
        nowMs++;
        if (each.kind === 'record') ring.record(each.lane, each);
        if (each.kind === 'offer') ring.offer(each.lane, spool, nowMs);
        if (each.kind === 'rotate') spool.rotate();
        if (each.kind === 'seal') assert.equal(await spool.seal(), true);
        if (each.kind === 'fill') spool.setOtherBytes(each.isFull ? 1e9 : 0);
      }
      spool.setOtherBytes(0);
      for (let pass = 0; pass < 20; pass++) {
        for (const lane of LANES) ring.offer(lane, spool, nowMs);
        await spool.seal();
      }
      const sources = await readSpool(folder.path);
      for (const { counts, ids, isSealed } of sources) {
        assert.equal(counts.recorded, ids.length + counts.sampledOut + total(counts.dropped));
        assert.ok(isSealed);
      }
      for (const lane of LANES) {
        const { recorded, sampledOut, dropped, waiting } = ring.lanes[lane];
        assert.equal(waiting, 0);
        const told = sources.filter((each) => each.lane === lane).map(({ counts }) => counts);
        const sum = (pick: (counts: EventCounts) => number) => told.reduce((all, counts) => all + pick(counts), 0);
        assert.equal(
          sum((counts) => counts.recorded),
          recorded,
        );
        assert.equal(
          sum((counts) => counts.sampledOut),
          sampledOut,
        );
        assert.equal(
          sum((counts) => counts.dropped.ring_full ?? 0),
          dropped.ring_full ?? 0,
        );
      }
      const toldFull = sources.reduce((all, { counts }) => all + (counts.dropped.spool_full ?? 0), 0);
      assert.equal(toldFull, spool.dropped.spool_full ?? 0);
      const ids = sources.flatMap((source) => source.ids);
      assert.equal(new Set(ids).size, ids.length);
      assert.equal(spool.events, ids.length);
      assert.equal(spool.hasUntoldCounts, false);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  const accept = (spool: Spool, events: number, lane: Lane = 'rest', recorded = events) =>
    spool.accept(
      new ArrayBatch(
        Array.from({ length: events }, () => ({})),
        { recorded, sampledOut: 0, dropped: {} },
        Date.now(),
        lane,
      ),
    );

  it('does not rotate a source that has not been offered anything', () => {
    const spool = createSpool();
    const { current } = spool;
    spool.rotate();
    assert.equal(spool.current, current);
    accept(spool, 0);
    spool.rotate();
    assert.notEqual(spool.current, current);
    assert.deepEqual(spool.retired, [current]);
  });

  it('sums what its sources hold until they are released, and keeps their drops', async () => {
    const spool = createSpool();
    accept(spool, 10);
    const [retired] = [spool.current];
    spool.setOtherBytes(1e9);
    accept(spool, 5, 'rest', 15);
    spool.rotate();
    spool.setOtherBytes(0);
    accept(spool, 7, 'keep');
    await spool.seal();
    assert.deepEqual([spool.events, retired.events, spool.current.events], [17, 10, 7]);
    assert.equal(spool.bytes, retired.bytes + spool.current.bytes);
    assert.equal(spool.oldestMs, retired.oldestMs);
    spool.release(retired);
    assert.deepEqual([spool.events, spool.retired, spool.dropped], [7, [], { spool_full: 5 }]);
  });

  it('opens a source that speaks for no time before the end of the last one', () => {
    const spool = createSpool({ now: () => Date.now() + 5000 });
    accept(spool, 1);
    const { lowWatermarkMs } = spool;
    spool.rotate();
    assert.equal(spool.lowWatermarkMs, lowWatermarkMs);
    assert.equal(Date.parse(spool.current.source.startedAt), lowWatermarkMs);
  });

  it('refuses ordinary events at 90 % of its bound and all at 100 %, counts each, and takes events again as room comes back', async () => {
    const spool = createSpool({ maxBytes: 1_000_000 });
    const given: Record<Lane, number> = { keep: 0, rest: 0 };
    const offer = (lane: Lane) => {
      given[lane] += 100;
      assert.equal(accept(spool, 100, lane, given[lane]), 100);
    };
    const droppedOf = (lane: Lane) => spool.current.lane(lane).dropped.spool_full ?? 0;
    while (droppedOf('rest') === 0) offer('rest');
    await spool.seal();
    assert.deepEqual(spool.fullLanes, ['rest']);
    assert.ok(spool.bytes >= 900_000 && spool.bytes < 966_000, `${spool.bytes} bytes`);
    while (droppedOf('keep') === 0) offer('keep');
    offer('rest');
    await spool.seal();
    assert.deepEqual(spool.fullLanes, ['keep', 'rest']);
    assert.ok(spool.bytes >= 1_000_000 && spool.bytes < 1_066_000, `${spool.bytes} bytes`);
    assert.deepEqual([droppedOf('keep'), droppedOf('rest')], [100, 200]);
    spool.current.lane('rest').acknowledge(spool.current.lane('rest').lastSealed);
    assert.deepEqual(spool.fullLanes, []);
    offer('rest');
    offer('keep');
    await spool.seal();
    for (const { lane, counts, ids } of await readSpool(folder.path)) {
      const dropped = { spool_full: droppedOf(lane) };
      assert.deepEqual(counts, { recorded: given[lane], sampledOut: 0, dropped });
      assert.equal(ids.length, given[lane] - dropped.spool_full);
    }
    assert.deepEqual(spool.dropped, { spool_full: 300 });
  });

  it('makes few large files of much that waits, and keeps those that wait open', async () => {
    const spool = createSpool();
    let recorded = 0;
    while (spool.bytes < 20_000_000) {
      recorded += 1000;
      accept(spool, 1000, 'rest', recorded);
      await waitFor(() => spool.current.lane('rest').queuedBytes === 0);
    }
    const files = await listSegments(spool.current.folder);
    assert.deepEqual(
      files.map(({ isSealed }) => isSealed),
      [true, true, false],
    );
    for (const { path, isSealed } of files) if (isSealed) assert.ok(statSync(path).size >= 8_000_000);
  });

  it('writes the queues of all its sources when the process ends', async () => {
    const spool = createSpool();
    accept(spool, 10);
    spool.rotate();
    accept(spool, 5, 'rest', 15);
    spool.appendSync();
    const held = (await readSpool(folder.path)).map(({ ids }) => ids.length);
    assert.deepEqual(
      held.toSorted((a, b) => a - b),
      [5, 10],
    );
  });
});
