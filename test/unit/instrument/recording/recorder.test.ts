// What the app's own code may do while the recorder describes its error: nothing may come to the sink behind the low watermark.
import assert from 'node:assert/strict';
import type { EventBatch, EventSink, Lane } from '../../../../src/event.ts';
import { createClock } from '../../../../src/instrument/clock.ts';
import { ObservabilityTracker } from '../../../../src/instrument/tracker.ts';

/** Asserts that no event comes that ended before a low watermark already seen. */
class WatermarkSink implements EventSink {
  readonly names: string[] = [];
  readonly #lowWatermarkMs: Record<Lane, number> = { keep: 0, rest: 0 };
  readonly late: string[] = [];

  accept(batch: EventBatch): number {
    let lastMs = this.#lowWatermarkMs[batch.lane];
    for (let index = 0; index < batch.size; index++) {
      const { name } = batch.series(index);
      this.names.push(name);
      if (batch.endMs(index) < lastMs) this.late.push(name);
      lastMs = batch.endMs(index);
    }
    this.#lowWatermarkMs[batch.lane] = batch.lowWatermarkMs;
    return batch.size;
  }
}

/** A tracker whose clock moves with every reading. */
function setUp() {
  let readings = 0;
  const clock = createClock({ wallMs: () => 1e12, monotonicMs: () => ++readings });
  const tracker = new ObservabilityTracker({ service: 'test', ringCapacity: 8, clock });
  const sink = new WatermarkSink();
  tracker.connect(sink);
  return { tracker, sink };
}

const FAILING = { type: 'tool', name: 'failing' } as const;
const NESTED = { type: 'tool', name: 'nested' } as const;

describe('Recorder', () => {
  for (const property of ['name', 'message']) {
    it(`hands on no low watermark behind an error whose ${property} flushes as it is described`, () => {
      const { tracker, sink } = setUp();
      const error = Object.defineProperty(new Error('x'), property, {
        get() {
          tracker.flush();
          return 'described';
        },
      });
      tracker.start(FAILING).fail(error);
      const fail = tracker.track(FAILING, () => {
        throw error;
      });
      assert.throws(fail, (thrown) => thrown === error);
      tracker.flush();
      assert.deepEqual(sink.names, ['failing', 'failing']);
      assert.deepEqual(sink.late, []);
    });
  }

  it('puts an execution that fails while an error is described before the one that it describes', () => {
    const { tracker, sink } = setUp();
    const error = Object.defineProperty(new Error('x'), 'message', {
      get() {
        tracker.start(NESTED).fail(new Error('y'));
        return 'described';
      },
    });
    tracker.start(FAILING).fail(error);
    tracker.flush();
    assert.deepEqual(sink.names, ['nested', 'failing']);
    assert.deepEqual(sink.late, []);
  });
});
