import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createClock } from '../../../src/instrument/clock.ts';

/** A wall clock and a monotonic clock that a test moves. */
function sources(wallMs = 1_700_000_000_000) {
  const state = { wallMs, monotonicMs: 5000 };
  return {
    state,
    clock: createClock({ wallMs: () => state.wallMs, monotonicMs: () => state.monotonicMs }),
  };
}

describe('createClock', () => {
  it('agrees with the wall clock when it is created', () => {
    const clock = createClock();
    assert.ok(Math.abs(clock.now() - Date.now()) < 5);
  });

  it('goes on with the monotonic clock when the wall clock is set back', () => {
    const { state, clock } = sources();
    state.monotonicMs += 250;
    state.wallMs -= 3_600_000;
    assert.equal(clock.adjust(), 0);
    assert.equal(clock.now(), 1_700_000_000_250);
  });

  it('follows the wall clock only when that is more than a second ahead', () => {
    const { state, clock } = sources();
    state.wallMs += 1000;
    assert.equal(clock.adjust(), 0);
    assert.equal(clock.now(), 1_700_000_000_000);
    state.wallMs += 59_000;
    assert.equal(clock.adjust(), 60_000);
    assert.equal(clock.now(), 1_700_000_060_000);
  });

  it('never goes back, whatever the wall clock does', () => {
    const step = fc.record({ wallMs: fc.integer({ min: -1e7, max: 1e7 }), monotonicMs: fc.nat(5000), adjusts: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { state, clock } = sources();
        let last = clock.now();
        for (const { wallMs, monotonicMs, adjusts } of steps) {
          state.wallMs += wallMs;
          state.monotonicMs += monotonicMs;
          if (adjusts) clock.adjust();
          const now = clock.now();
          assert.ok(now >= last + monotonicMs - 0.01);
          last = now;
        }
      }),
    );
  });
});
