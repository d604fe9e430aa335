import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DeltaPlaces } from '../../../../src/archive/rollups/delta-places.ts';

describe('DeltaPlaces', () => {
  it('finds what was added, however many there are and however alike, and nothing else', () => {
    // Few different values, and some that only a hash would confuse.
    const half = fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom(64, 256, 1 << 20, -(2 ** 31), 2 ** 31 - 1),
      fc.integer(),
    );
    const key = fc.tuple(half, half, fc.integer({ min: 0, max: 2 }));
    fc.assert(
      fc.property(fc.array(key, { maxLength: 2000, size: 'max' }), fc.array(key, { maxLength: 20 }), (keys, others) => {
        const places = new DeltaPlaces();
        const model = new Map<string, number>();
        for (const [delta, each] of keys.entries()) {
          if (model.has(each.join())) continue;
          places.add(...each, delta);
          model.set(each.join(), delta);
        }
        for (const each of [...keys, ...others]) assert.equal(places.find(...each), model.get(each.join()) ?? -1);
      }),
      { numRuns: 60 },
    );
  });
});
