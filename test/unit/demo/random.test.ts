import assert from 'node:assert/strict';
import { createRandom } from '../../../demo/random.ts';

describe('createRandom', () => {
  it('gives the same numbers for the same seed, others for another', () => {
    const draw = (seed: number) => {
      const random = createRandom(seed);
      return Array.from({ length: 20 }, () => random.next());
    };
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
  });

  it('spreads evenly over [0, 1)', () => {
    const random = createRandom(1);
    const buckets = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 10_000; i++) {
      const bucket = random.below(10);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    for (const size of buckets) assert.ok(size > 850 && size < 1150, `buckets ${buckets.join(' ')}`);
  });

  it('draws latencies with the given median and 99th percentile', () => {
    const random = createRandom(3);
    const sorted = Array.from({ length: 20_000 }, () => random.logNormal(60, 400)).sort((a, b) => a - b);
    const [median = 0, p99 = 0] = [sorted[10_000], sorted[19_800]];
    assert.ok(Math.abs(median - 60) < 3, `median ${median}`);
    assert.ok(Math.abs(p99 - 400) < 40, `p99 ${p99}`);
  });

  it('refuses to pick from nothing', () => {
    assert.throws(() => createRandom(1).pick([]), RangeError);
  });
});
