import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  bucketBound,
  bucketOf,
  bucketOfFraction,
  bucketValue,
  toMicroseconds,
  ZERO_BUCKET,
} from '../../../../src/duration-buckets.ts';

describe('buckets of durations', () => {
  it('have bounds whose 32nd power is the last one not above a power of two', () => {
    for (let index = 0; index < 2016; index += index < 1300 ? 1 : 37) {
      const bound = bucketBound(index);
      const power = 1n << BigInt(index);
      assert.ok(bound ** 32n <= power && (bound + 1n) ** 32n > power, `bound ${index}`);
    }
  });

  it('hold what is above their bound, up to the next one', () => {
    const us = fc.oneof(
      fc.integer({ min: 1, max: 100_000 }),
      fc.maxSafeInteger().map((value) => Math.max(1, Math.abs(value))),
      // Next to a border, where an estimate goes wrong.
      fc
        .tuple(fc.integer({ min: 32, max: 1600 }), fc.integer({ min: -1, max: 1 }))
        .map(([index, more]) => Number(bucketBound(index)) + more),
    );
    fc.assert(
      fc.property(us, (value) => {
        const bucket = bucketOf(value);
        const below = bucket < 0 ? 0n : bucketBound(bucket);
        assert.ok(below < BigInt(value) && BigInt(value) <= bucketBound(bucket + 1), `${value} in ${bucket}`);
      }),
      { numRuns: 3000 },
    );
  });

  it('are right wherever the leading bits of a duration change', () => {
    for (let shift = 0; shift < 28; shift++) {
      for (let leading = 128; leading <= 256; leading++) {
        for (const us of [leading * 2 ** shift - 1, leading * 2 ** shift, leading * 2 ** shift + 1]) {
          const bucket = bucketOf(us);
          assert.ok(bucketBound(bucket) < BigInt(us) && BigInt(us) <= bucketBound(bucket + 1), `${us} in ${bucket}`);
        }
      }
    }
  });

  it('are the same for whole microseconds, by whichever function', () => {
    const us = fc.oneof(
      fc.integer({ min: 1, max: 100_000 }),
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      fc
        .tuple(fc.integer({ min: 32, max: 1280 }), fc.integer({ min: 0, max: 1 }))
        .map(([index, more]) => Number(bucketBound(index)) + more),
    );
    fc.assert(
      fc.property(us, (value) => {
        assert.equal(bucketOfFraction(value), bucketOf(value));
        assert.ok(Math.abs(bucketValue(bucketOfFraction(value)) - value) <= 0.01084 * value);
      }),
      { numRuns: 3000 },
    );
    assert.equal(bucketValue(bucketOfFraction(0)), 0);
  });

  it('have one for nothing, and one for centuries', () => {
    assert.equal(bucketOf(0), ZERO_BUCKET);
    assert.equal(bucketOf(1), -1);
    assert.equal(bucketOf(2), 31);
    assert.equal(bucketOf(2 ** 53 + 2), 53 * 32);
    assert.equal(bucketOf(9.2e18), 2015);
  });

  it('take whole microseconds, ties to even, as Postgres rounds', () => {
    assert.deepEqual([0.0625, 0.1875, 0.0005, -3, 1.2344, Number.NaN].map(toMicroseconds), [62, 188, 0, 0, 1234, 9.2e18]);
  });
});
