import assert from 'node:assert/strict';
import fc from 'fast-check';
import { estimate, intervalRank, median } from '../../../bench/statistics.ts';

describe('statistics of the benchmark', () => {
  it('takes the middle value, or the mean of the two in the middle', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.ok(Number.isNaN(median([])));
  });

  it('gives the ranks of the 95 % interval that the tables of the sign test give', () => {
    const ranks = [6, 8, 9, 10, 12, 15, 17, 20, 25, 30, 50].map(intervalRank);
    assert.deepEqual(ranks, [1, 1, 2, 2, 3, 4, 5, 6, 8, 10, 18]);
  });

  it('gives the whole range when there are too few values', () => {
    assert.deepEqual(estimate([5, 1, 9]), { median: 5, low: 1, high: 9, samples: 3 });
  });

  it('keeps the median within its interval, and the interval within the values', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 80 }), (values) => {
        const { median: middle, low, high } = estimate(values);
        assert.ok(low <= middle && middle <= high);
        assert.ok(values.includes(low) && values.includes(high));
      }),
    );
  });
});
