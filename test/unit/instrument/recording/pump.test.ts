import assert from 'node:assert/strict';
import type { EventBatch, EventSink } from '../../../../src/event.ts';
import { createClock } from '../../../../src/instrument/clock.ts';
import { InternalErrors } from '../../../../src/instrument/internal-errors.ts';
import { Pump } from '../../../../src/instrument/recording/pump.ts';
import { EventRing } from '../../../../src/instrument/recording/ring.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { waitFor } from '../../../support/wait-for.ts';

interface Seen {
  readonly size: number;
  readonly lowWatermarkMs: number;
  readonly recorded: number;
}

/** Notes what it is offered in the lane `rest`; takes as much of it as `takes` says, and all of `keep`. */
class RecordingSink implements EventSink {
  readonly seen: Seen[] = [];
  readonly kept: Seen[] = [];
  takes: (size: number) => number = (size) => size;

  accept(batch: EventBatch): number {
    const seen = { size: batch.size, lowWatermarkMs: batch.lowWatermarkMs, recorded: batch.counts.recorded };
    if (batch.lane === 'keep') {
      this.kept.push(seen);
      return batch.size;
    }
    this.seen.push(seen);
    return this.takes(batch.size);
  }
}

function setUp() {
  const ring = new EventRing({ capacity: 4096, onFilling: () => pump.hurry() });
  const series = ring.addSeries({ type: 'custom', name: 'work', service: 'test', metadata: '' });
  const clock = createClock();
  const errors = new InternalErrors(silentLogger, clock.monotonicMs);
  const pump: Pump = new Pump({ ring, clock, errors });
  const sink = new RecordingSink();
  const push = (count: number, isKept = false) => {
    for (let index = 0; index < count; index++) ring.push(isKept, series, 0, clock.now(), 1, undefined, undefined, undefined);
  };
  return { ring, clock, errors, pump, sink, push };
}

describe('Pump', () => {
  it('hands on nothing before a sink is connected', () => {
    const { ring, pump, push } = setUp();
    push(3);
    pump.flush();
    assert.equal(ring.waiting(), 3);
  });

  it('lets events go when it runs without a sink', () => {
    const { ring, pump, push } = setUp();
    push(3);
    pump.start();
    pump.flush();
    pump.stop();
    assert.deepEqual(ring.counts(), { recorded: 3, handedOn: 3, waiting: 0, sampledOut: 0, dropped: {} });
  });

  it('offers again what the sink did not take', () => {
    const { ring, pump, sink, push } = setUp();
    pump.connect(sink);
    push(10);
    sink.takes = () => 4;
    pump.flush();
    assert.deepEqual(
      sink.seen.map(({ size }) => size),
      [10, 6, 2],
    );
    assert.equal(ring.waiting(), 0);
  });

  it('takes a nonsense answer for none or all', () => {
    const { ring, pump, sink, push } = setUp();
    pump.connect(sink);
    push(2);
    for (const answer of [Number.NaN, -1, undefined as unknown as number]) {
      sink.takes = () => answer;
      pump.flush();
      assert.equal(ring.waiting(), 2);
    }
    sink.takes = () => 99;
    pump.flush();
    assert.deepEqual(ring.counts().handedOn, 2);
  });

  it('drops the batch of a sink that throws, counts it, and goes on', () => {
    const { ring, errors, pump, sink, push } = setUp();
    pump.connect(sink);
    push(5);
    sink.takes = () => {
      throw new Error('disk on fire');
    };
    pump.flush();
    assert.deepEqual(ring.counts(), { recorded: 5, handedOn: 0, waiting: 0, sampledOut: 0, dropped: { sink_error: 5 } });
    assert.equal(errors.count, 1);
    sink.takes = (size) => size;
    push(2);
    pump.flush();
    assert.equal(ring.counts().handedOn, 2);
  });

  it('does not enter the sink again from inside the sink', () => {
    const { ring, pump, sink, push } = setUp();
    pump.connect(sink);
    push(2);
    sink.takes = (size) => {
      push(1);
      pump.flush();
      sink.takes = (all) => all;
      return size;
    };
    pump.flush();
    assert.deepEqual(
      sink.seen.map(({ size }) => size),
      [2, 1],
    );
    assert.equal(ring.waiting(), 0);
  });

  it('hands on an empty batch when idle, so that the low watermark moves', async () => {
    const { pump, sink } = setUp();
    pump.connect(sink);
    pump.start();
    await waitFor(() => sink.seen.length >= 2);
    pump.stop();
    assert.deepEqual(
      sink.seen.map(({ size }) => size),
      sink.seen.map(() => 0),
    );
    assert.ok((sink.seen[1]?.lowWatermarkMs ?? 0) > (sink.seen[0]?.lowWatermarkMs ?? Number.POSITIVE_INFINITY));
  });

  it('hands on each lane by itself, keep first, with its own counts and low watermark', () => {
    const { clock, ring, pump, sink, push } = setUp();
    const lanes: string[] = [];
    pump.connect({
      accept(batch) {
        lanes.push(batch.lane);
        return batch.lane === 'keep' ? sink.accept(batch) : 0;
      },
    });
    push(3, true);
    push(2);
    const beforeMs = clock.now();
    pump.flush();
    assert.deepEqual(lanes, ['keep', 'rest']);
    assert.deepEqual([sink.kept[0]?.size, sink.kept[0]?.recorded], [3, 3]);
    assert.ok((sink.kept[0]?.lowWatermarkMs ?? 0) >= beforeMs, 'what waits in the other lane does not hold it back');
    assert.deepEqual([ring.waiting('keep'), ring.waiting('rest'), ring.counts('rest').recorded], [0, 2, 2]);
  });

  it('is early when an eighth of the ring waits, in batches that leave the event loop free', async () => {
    const { ring, pump, sink, push } = setUp();
    pump.connect(sink);
    pump.start();
    push(1024);
    await new Promise((done) => setImmediate(done));
    assert.equal(sink.seen[0]?.size, 512);
    await waitFor(() => ring.waiting() === 0);
    pump.stop();
    assert.deepEqual(
      sink.seen.slice(0, 2).map(({ recorded }) => recorded),
      [512, 1024],
    );
  });
});
