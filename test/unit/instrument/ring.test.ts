import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EventBatch } from '../../../src/event.ts';
import { EventRing, type SpanWords } from '../../../src/instrument/ring.ts';

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

function filled(capacity: number, count: number): EventRing {
  const ring = new EventRing({ capacity });
  const series = ring.addSeries({ type: 'custom', name: 'work', service: 'test', metadata: '' });
  for (let index = 0; index < count; index++) ring.push(series, 0, 1000 + index, index, undefined, undefined, undefined);
  return ring;
}

function ends(batch: EventBatch): number[] {
  return Array.from({ length: batch.size }, (_, index) => batch.endMs(index));
}

describe('EventRing', () => {
  it('gives back what was put in, oldest first', () => {
    const ring = new EventRing({ capacity: 4 });
    const series = { type: 'tool', name: 'search', service: 'test', metadata: '"a":1' } as const;
    ring.push(ring.addSeries(series), 1, 1000.5, 2.25, SPAN, '"b":2', 'Error: no');
    const batch = ring.batch(10, 2000);
    assert.equal(batch.size, 1);
    assert.equal(batch.series(0), series);
    assert.deepEqual(
      [batch.status(0), batch.endMs(0), batch.durationMs(0), batch.weight(0), batch.metadata(0), batch.error(0)],
      ['failure', 1000.5, 2.25, 1, '"b":2', 'Error: no'],
    );
    assert.equal(batch.lowWatermarkMs, 2000);
  });

  it('writes ids as big-endian bytes and says which there are', () => {
    const ring = new EventRing({ capacity: 4 });
    const series = ring.addSeries({ type: 'tool', name: 'search', service: 'test', metadata: '' });
    ring.push(series, 0, 1, 1, SPAN, undefined, undefined);
    ring.push(series, 0, 2, 1, { ...SPAN, hasParent: false }, undefined, undefined);
    ring.push(series, 0, 3, 1, undefined, undefined, undefined);
    const target = Buffer.alloc(34, 0xee);
    assert.equal(ring.batch(3, 4).writeIds(0, target, 1), 3);
    assert.equal(target.toString('hex'), 'ee01020304ffffffff000000000000000500000006fffffff90000000800000009ee');
    assert.equal(ring.batch(3, 4).writeIds(1, target.fill(0xee), 1), 1);
    assert.equal(target.toString('hex', 25), 'eeeeeeeeeeeeeeeeee');
    assert.equal(ring.batch(3, 4).writeIds(2, target, 1), 0);
  });

  it('drops the new event when it is full, and counts it', () => {
    const ring = filled(4, 6);
    assert.deepEqual(ends(ring.batch(10, 2000)), [1000, 1001, 1002, 1003]);
    assert.deepEqual(ring.counts(), { recorded: 6, handedOn: 0, waiting: 4, sampledOut: 0, dropped: { ring_full: 2 } });
  });

  it('puts the low watermark at the first event left out of a batch', () => {
    assert.equal(filled(8, 5).batch(3, 2000).lowWatermarkMs, 1003);
    assert.equal(filled(8, 5).batch(5, 2000).lowWatermarkMs, 2000);
    assert.equal(filled(8, 0).batch(5, 2000).lowWatermarkMs, 2000);
  });

  it('leaves events that wait out of the counts of a batch', () => {
    const ring = filled(4, 6);
    assert.deepEqual(ring.batch(3, 2000).counts, { recorded: 5, sampledOut: 0, dropped: { ring_full: 2 } });
  });

  it('says once when it becomes half full', () => {
    let told = 0;
    const ring = new EventRing({ capacity: 8, onHalfFull: () => told++ });
    const series = ring.addSeries({ type: 'custom', name: 'work', service: 'test', metadata: '' });
    for (let index = 0; index < 8; index++) ring.push(series, 0, index, 0, undefined, undefined, undefined);
    assert.equal(told, 1);
  });

  it('refuses a capacity that is no power of two', () => {
    for (const capacity of [0, 1, 3, 1000, 2 ** 21, Number.NaN]) {
      assert.throws(() => new EventRing({ capacity }), /ring capacity: got .*; allowed: a power of two/);
    }
  });

  it('loses, doubles and reorders nothing, and its counts always add up', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), count: fc.nat(12) }),
      fc.record({ kind: fc.constantFrom('take' as const, 'drop' as const), count: fc.nat(12) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ring = filled(8, 0);
        const model: number[] = [];
        const model_counts = { pushed: 0, taken: 0, dropped: 0 };
        for (const { kind, count } of steps) {
          if (kind === 'push') {
            for (let index = 0; index < count; index++) {
              const end = model_counts.pushed++;
              if (model.length < 8) model.push(end);
              else model_counts.dropped++;
              ring.push(0, 0, end, 0, undefined, undefined, undefined);
            }
          } else {
            const batch = ring.batch(count, 1e6);
            assert.deepEqual(ends(batch), model.splice(0, batch.size));
            if (kind === 'take') ring.take(batch.size);
            else ring.dropFirst(batch.size, 'sink_error');
            if (kind === 'take') model_counts.taken += batch.size;
            else model_counts.dropped += batch.size;
          }
          const { recorded, handedOn, waiting, dropped } = ring.counts();
          const droppedTotal = (dropped.ring_full ?? 0) + (dropped.sink_error ?? 0);
          assert.deepEqual(
            [recorded, handedOn, waiting, droppedTotal],
            [model_counts.pushed, model_counts.taken, model.length, model_counts.dropped],
          );
          assert.equal(recorded, handedOn + waiting + droppedTotal);
        }
      }),
    );
  });
});
