import assert from 'node:assert/strict';
import type { EventBatch, Lane } from '../../../../src/event.ts';
import { BYTES_PER_EVENT, EventRing, type SpanWords, type StatusCode } from '../../../../src/instrument/recording/ring.ts';

const SPAN: SpanWords = {
  trace0: 0x01020304,
  trace1: -1,
  trace2: 0,
  trace3: 5,
  span0: 6,
  span1: -7,
  parent0: 8,
  parent1: 9,
  hasParent: true,
};
const SERIES = { type: 'custom', name: 'work', service: 'test', metadata: '' } as const;

/** A ring of one series; `put` pushes events that ended at the given moments. */
function setUp(capacity: number, onFilling?: () => void) {
  const ring = new EventRing({ capacity, ...(onFilling === undefined ? {} : { onFilling }) });
  const series = ring.addSeries(SERIES);
  const put = (lane: Lane, ...endsMs: number[]) => {
    for (const endMs of endsMs) ring.push(lane === 'keep', series, 0, endMs, 1, undefined, undefined, undefined);
  };
  return { ring, series, put };
}

function ends(batch: EventBatch): number[] {
  return Array.from({ length: batch.size }, (_, index) => batch.endMs(index));
}

describe('EventRing', () => {
  it('gives back what was put in, oldest first, lane by lane', () => {
    const ring = new EventRing({ capacity: 8 });
    const series = { type: 'tool', name: 'search', service: 'test', metadata: '"a":1' } as const;
    const index = ring.addSeries(series);
    ring.push(true, index, 1, 1000.5, 2.25, SPAN, '"b":2', 'Error: no');
    ring.push(false, index, 0, 1001, 1, undefined, undefined, undefined);
    ring.push(true, index, 2, 1002, 3, undefined, undefined, undefined);
    const batch = ring.batch('keep', 10, 2000);
    assert.equal(batch.lane, 'keep');
    assert.deepEqual(ends(batch), [1000.5, 1002]);
    assert.equal(batch.series(0), series);
    assert.deepEqual(
      [batch.status(0), batch.durationMs(0), batch.weight(0), batch.metadata(0), batch.error(0)],
      ['failure', 2.25, 1, '"b":2', 'Error: no'],
    );
    assert.deepEqual([batch.status(1), batch.metadata(1), batch.error(1)], ['aborted', undefined, undefined]);
    assert.equal(batch.lowWatermarkMs, 2000);
    assert.deepEqual(ends(ring.batch('rest', 10, 2000)), [1001]);
  });

  it('forgets the texts of an event when its place is used again', () => {
    const { ring, series, put } = setUp(2);
    for (const endMs of [1, 2]) ring.push(false, series, 1, endMs, 1, SPAN, '"a":1', 'no');
    ring.batch('rest', 2, 3);
    ring.take('rest', 2);
    put('rest', 3, 4);
    const batch = ring.batch('rest', 2, 5);
    for (const index of [0, 1]) {
      assert.deepEqual([batch.metadata(index), batch.error(index), batch.status(index)], [undefined, undefined, 'success']);
      assert.equal(batch.writeIds(index, Buffer.alloc(32), 0), 0);
    }
  });

  it('writes ids as big-endian bytes and says which there are', () => {
    const { ring, series } = setUp(4);
    ring.push(false, series, 0, 1, 1, SPAN, undefined, undefined);
    ring.push(false, series, 0, 2, 1, { ...SPAN, hasParent: false }, undefined, undefined);
    ring.push(false, series, 0, 3, 1, undefined, undefined, undefined);
    const batch = ring.batch('rest', 3, 4);
    const target = Buffer.alloc(34, 0xee);
    assert.equal(batch.writeIds(0, target, 1), 3);
    assert.equal(target.toString('hex'), 'ee01020304ffffffff000000000000000500000006fffffff90000000800000009ee');
    assert.equal(batch.writeIds(1, target.fill(0xee), 1), 1);
    assert.equal(target.toString('hex', 25), 'eeeeeeeeeeeeeeeeee');
    assert.equal(batch.writeIds(2, target, 1), 0);
  });

  it('lets the oldest event of rest go when it is full', () => {
    const { ring, put } = setUp(4);
    put('rest', 1, 2, 3);
    put('keep', 4);
    put('rest', 5);
    put('keep', 6);
    assert.deepEqual(ends(ring.batch('rest', 10, 9)), [3, 5]);
    assert.deepEqual(ends(ring.batch('keep', 10, 9)), [4, 6]);
    assert.deepEqual(ring.counts('rest'), { recorded: 4, handedOn: 0, waiting: 2, sampledOut: 0, dropped: { ring_full: 2 } });
    assert.deepEqual(ring.counts('keep'), { recorded: 2, handedOn: 0, waiting: 2, sampledOut: 0, dropped: {} });
    assert.deepEqual(ring.counts(), { recorded: 6, handedOn: 0, waiting: 4, sampledOut: 0, dropped: { ring_full: 2 } });
  });

  it('loses an event of keep only when all that waits is keep, and then its oldest', () => {
    const { ring, put } = setUp(4);
    put('keep', 1, 2, 3, 4, 5);
    put('rest', 6);
    assert.deepEqual(ends(ring.batch('keep', 10, 9)), [2, 3, 4, 5]);
    assert.deepEqual(ring.counts('keep').dropped, { ring_full: 1 });
    assert.deepEqual(ring.counts('rest'), { recorded: 1, handedOn: 0, waiting: 0, sampledOut: 0, dropped: { ring_full: 1 } });
  });

  it('moves nothing in a batch that a sink is looking at', () => {
    const { ring, put } = setUp(4);
    put('rest', 1, 2, 3, 4);
    const batch = ring.batch('rest', 2, 9);
    put('keep', 5);
    put('rest', 6);
    assert.deepEqual(ends(batch), [1, 2]);
    put('keep', 7, 8, 9);
    assert.deepEqual(ends(batch), [1, 2]);
    assert.deepEqual(batch.counts, { recorded: 2, sampledOut: 0, dropped: {} });
    ring.take('rest', 1);
    assert.deepEqual(ends(ring.batch('rest', 10, 9)), [2]);
    assert.deepEqual(ends(ring.batch('keep', 10, 9)), [8, 9]);
    put('rest', 10);
    assert.deepEqual(ends(ring.batch('rest', 10, 11)), [2, 10]);
  });

  it('puts the low watermark of a lane at its first event left out of a batch', () => {
    const { ring, put } = setUp(8);
    put('rest', 1, 2, 3);
    put('keep', 4, 5);
    assert.equal(ring.batch('rest', 2, 9).lowWatermarkMs, 3);
    assert.equal(ring.batch('rest', 3, 9).lowWatermarkMs, 9);
    assert.equal(ring.batch('keep', 1, 9).lowWatermarkMs, 5);
    assert.equal(setUp(8).ring.batch('keep', 5, 9).lowWatermarkMs, 9);
  });

  it('leaves events that wait, and those of the other lane, out of the counts of a batch', () => {
    const { ring, put } = setUp(4);
    put('rest', 1, 2, 3, 4, 5, 6);
    put('keep', 7);
    assert.deepEqual(ring.batch('rest', 2, 9).counts, { recorded: 5, sampledOut: 0, dropped: { ring_full: 3 } });
    assert.deepEqual(ring.batch('keep', 2, 9).counts, { recorded: 1, sampledOut: 0, dropped: {} });
  });

  it('says once when an eighth of it waits', () => {
    let told = 0;
    const { put } = setUp(32, () => told++);
    put('rest', 1, 2, 3);
    assert.equal(told, 0);
    put('keep', 4, 5, 6, 7, 8);
    assert.equal(told, 1);
  });

  it('keeps an event in 96 bytes at most, whatever its lane', () => {
    const allocated: number[] = [];
    const construct = (target: new (...given: never[]) => ArrayBufferView, given: unknown[]) => {
      const made = Reflect.construct(target, given) as ArrayBufferView;
      allocated.push(made.byteLength);
      return made;
    };
    const originals = { Float64Array, Int32Array };
    const capacity = 1024;
    try {
      for (const [name, original] of Object.entries(originals)) {
        Reflect.set(globalThis, name, new Proxy(original, { construct: construct as never }));
      }
      new EventRing({ capacity });
    } finally {
      Object.assign(globalThis, originals);
    }
    const references = 2 * 8; // own metadata and error, on a 64-bit machine
    const bytes = allocated.reduce((sum, each) => sum + each, 0) / capacity + references;
    assert.equal(bytes, BYTES_PER_EVENT);
    assert.ok(bytes <= 96, `${bytes} bytes`);
  });

  it('refuses a capacity that is no power of two', () => {
    for (const capacity of [0, 1, 3, 1000, 2 ** 21, Number.NaN]) {
      assert.throws(() => new EventRing({ capacity }), /ring capacity: got .*; allowed: a power of two/);
    }
  });

  it('keeps statuses, weights and series apart from each other in every place', () => {
    const ring = new EventRing({ capacity: 64 });
    const names = ['a', 'b', 'c'];
    const indexes = names.map((name) => ring.addSeries({ ...SERIES, name }));
    for (let index = 0; index < 64; index++) {
      const status = (index % 3) as StatusCode;
      ring.push(
        false,
        indexes[index % 3] ?? 0,
        status,
        index,
        index / 4,
        index % 2 === 0 ? SPAN : undefined,
        undefined,
        undefined,
      );
    }
    const batch = ring.batch('rest', 64, 100);
    for (let index = 0; index < 64; index++) {
      assert.deepEqual(
        [batch.series(index).name, batch.status(index), batch.endMs(index), batch.durationMs(index), batch.weight(index)],
        [names[index % 3], (['success', 'failure', 'aborted'] as const)[index % 3], index, index / 4, 1],
      );
      assert.equal(batch.writeIds(index, Buffer.alloc(32), 0), index % 2 === 0 ? 3 : 0);
    }
  });
});
