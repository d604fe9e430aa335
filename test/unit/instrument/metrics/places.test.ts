import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Claim, Places } from '../../../../src/instrument/metrics/places.ts';

describe('Places', () => {
  it('gives what is undeclared its share only, and what is declared the rest', () => {
    const places = new Places(20);
    const granted = (claim: Claim) => Array.from({ length: 100 }, () => places.take(claim)).filter(Boolean).length;
    assert.equal(granted('undeclared'), 10);
    assert.equal(granted('declared'), 8);
    assert.equal(granted('overflow'), 1, 'of the two that are left one is for what no claim covers');
  });

  it('lends from a pool what several tables share, beside what each has for sure', () => {
    const pool = { left: 5 };
    const granted = [1, 2, 3].map(() => {
      const places = new Places(100, { max: 8, sure: 4, pool });
      return Array.from({ length: 100 }, () => places.take('undeclared')).filter(Boolean).length;
    });
    assert.deepEqual(granted, [8, 5, 4]);
  });

  it('never grants more than all places but one, in whatever order they are claimed', () => {
    const claims = fc.array(fc.constantFrom<Claim>('declared', 'undeclared', 'overflow'), { maxLength: 300 });
    fc.assert(
      fc.property(claims, fc.integer({ min: 2, max: 100 }), fc.integer({ min: 0, max: 100 }), (given, total, undeclared) => {
        const places = new Places(total, { max: undeclared });
        const granted = given.filter((claim) => places.take(claim));
        assert.ok(granted.length < total);
        assert.ok(granted.filter((claim) => claim === 'undeclared').length <= undeclared);
      }),
    );
  });
});
