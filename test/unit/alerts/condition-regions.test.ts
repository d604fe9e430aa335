import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseCondition } from '../../../src/alerts/condition.ts';
import { findRow } from '../../../src/alerts/condition-regions.ts';

const overlap = (a: string, b: string) => findRow([parseCondition(a), parseCondition(b)], (first, second) => first && second);

describe('findRow', () => {
  const cases: [string, string, 'found' | 'none' | 'undecided'][] = [
    ['value > 0.1', 'value < 0.05', 'none'],
    ['value > 0.1', 'value < 0.2', 'found'],
    ['value > 1', 'value <= 1', 'none'],
    ['value >= 1', 'value <= 1', 'found'],
    ['value = 3', 'value > 2 and value < 4', 'found'],
    ['value = 3', 'value != 3', 'none'],
    ['value > 1 and events >= 50', 'value < 1 or events < 50', 'none'],
    ['value > 1 or events > 5', 'value < 1', 'found'],
    ['abs(value) > 6', 'abs(value) < 3', 'none'],
    ['abs(value - 10) < 1', 'value > 10.5', 'found'],
    ['abs(value - 10) < 1', 'value > 11.5', 'none'],
    ['2 * value + 1 > 5', 'value < 2', 'none'],
    ['100 / 4 < -value', 'value > -26', 'found'],
    ['not (value > 1)', 'value > 1', 'none'],
    ['value > allowed', 'value < allowed', 'undecided'],
    ['value - value > 1', 'value > 0', 'none'],
    ['value / 0 > 1', 'value > 0', 'undecided'],
    ['max(value, 1) > 2', 'value < 1', 'undecided'],
    ['1 > 2', 'value > 0', 'none'],
  ];
  for (const [a, b, expected] of cases) {
    it(`${a} beside ${b}: ${expected}`, () => {
      const search = overlap(a, b);
      assert.equal(typeof search === 'object' ? 'found' : search, expected);
    });
  }

  it('agrees with brute force over a fine grid', () => {
    const atom = fc
      .tuple(fc.constantFrom('a', 'b'), fc.constantFrom('>', '>=', '<', '<=', '=', '!='), fc.integer({ min: -3, max: 3 }))
      .map(([column, operator, bound]) => `${column} ${operator} ${bound}`);
    const condition = fc.letrec<{ tree: string }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        atom,
        fc.tuple(tie('tree'), fc.constantFrom('and', 'or'), tie('tree')).map(([l, word, r]) => `(${l} ${word} ${r})`),
        tie('tree').map((inner) => `not (${inner})`),
      ),
    })).tree;
    const steps = Array.from({ length: 19 }, (_, index) => (index - 9) / 2);
    fc.assert(
      fc.property(condition, condition, (first, second) => {
        const both = [parseCondition(first), parseCondition(second)];
        const expected = steps.some((a) =>
          steps.some((b) =>
            both.every(
              (one) =>
                one.evaluate(
                  new Map([
                    ['a', a],
                    ['b', b],
                  ]),
                ) === true,
            ),
          ),
        );
        assert.equal(typeof overlap(first, second) === 'object', expected);
      }),
    );
  });
});
