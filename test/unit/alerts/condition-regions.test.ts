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
    ['value > allowed', 'value < allowed', 'none'],
    ['value > allowed', 'allowed > 5 and value < 4', 'none'],
    ['value > allowed', 'allowed > 5 and value < 6', 'found'],
    ['a < b and b < c', 'c < a', 'none'],
    ['a <= b and b <= c', 'c <= a', 'found'],
    ['value > 2 * allowed + 1', 'allowed < value / 2 - 0.5', 'found'],
    ['value > 2 * allowed + 1', 'allowed > value / 2 - 0.5', 'none'],
    ['value / allowed > 2', 'value < 1 and value > 2', 'none'],
    ['value / allowed > 2', 'value < -4', 'found'],
    ['a > b + 1 and b > c + 1', 'c > a', 'undecided'],
    ['value - value > 1', 'value > 0', 'none'],
    ['value / 0 > 1', 'value > 0', 'none'],
    ['not (value / (2 - 2) > 1)', 'value > 0', 'none'],
    ['value / 0 > 1 or value > 3', 'value > 0', 'found'],
    ['max(value, 1) > 2', 'value < 1', 'none'],
    ['min(value, 1) > 2', 'value > 0', 'none'],
    ['max(value, 2) < 1', 'value > 0', 'none'],
    ['min(value, other) > 2', 'other < 2', 'none'],
    ['max(value, other) > 2', 'other < 2', 'found'],
    ['min(max(value, 1), 3) = 2', 'value != 2', 'none'],
    ['abs(abs(value) - 5) <= 1', 'abs(value) < 4', 'none'],
    ['value * value < 0', 'value > 0', 'none'],
    ['abs(value * other) + 1 < 1', 'value > 0', 'none'],
    ['value * value > 9', 'value < -3', 'found'],
    ['value / 10 = 0.3', 'value = 3', 'found'],
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

  describe('with much to try', () => {
    /** Two columns with 34 bounds each: 4,761 cases of 360 comparisons, in fewer than 4,000 characters. */
    const bounds = Array.from({ length: 120 }, (_, index) => `a > ${index % 34} and b < ${(index * 7) % 34} and a < 0`);
    const never = bounds.join(' or ');

    it('leaves undecided what would take long', () => {
      let evaluated = 0;
      const condition = parseCondition(never);
      const counted = { ...condition, evaluate: () => Boolean(++evaluated) && false };
      assert.equal(
        findRow([counted], (isTrue) => isTrue),
        'undecided',
      );
      assert.equal(evaluated, 0);
    });

    it('lets searches share what they may take', () => {
      const [fire, clear] = [parseCondition('a > 1 and b > 2'), parseCondition('a < 1 and a > 1')];
      const budget = { left: 2000 };
      const answers = Array.from({ length: 10 }, () => findRow([fire, clear], (fires, clears) => fires && clears, { budget }));
      assert.equal(answers[0], 'none');
      assert.equal(answers.at(-1), 'undecided');
      assert.ok(budget.left >= 0 && budget.left < 2000);
    });

    it('does not write down the orders of many columns', () => {
      const many = Array.from({ length: 100 }, (_, index) => `c${index} + d${index} > ${index}`).join(' or ');
      assert.equal(
        findRow([parseCondition(many)], (isTrue) => isTrue),
        'undecided',
      );
    });
  });

  it('knows what columns are at least', () => {
    const below = parseCondition('value < 0');
    const least = new Map([['value', 0]]);
    assert.equal(typeof findRow([below], (isTrue) => isTrue), 'object');
    assert.equal(
      findRow([below], (isTrue) => isTrue, { least }),
      'none',
    );
    assert.equal(findRow([parseCondition('value * other < 0')], (isTrue) => isTrue, { least }) === 'none', false);
    assert.equal(
      findRow([parseCondition('value * value + value < 0')], (isTrue) => isTrue, { least }),
      'none',
    );
  });

  describe('beside every row of a grid', () => {
    const leaf = fc.oneof(fc.constantFrom('a', 'b'), fc.constantFrom('-2', '-1', '0', '1', '2', '3'));
    const number = fc.letrec<{ tree: string }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        { weight: 3, arbitrary: leaf },
        fc.tuple(tie('tree'), fc.constantFrom('+', '-', '*'), tie('tree')).map(([l, sign, r]) => `(${l} ${sign} ${r})`),
        // Of what is divided by these no digit is lost.
        fc.tuple(tie('tree'), fc.constantFrom('a', 'b', '0', '(1 - 1)', '2', '-4')).map(([l, r]) => `(${l} / ${r})`),
        fc.tuple(fc.constantFrom('min', 'max'), tie('tree'), tie('tree')).map(([name, l, r]) => `${name}(${l}, ${r})`),
        tie('tree').map((inner) => `abs(${inner})`),
        tie('tree').map((inner) => `-(${inner})`),
      ),
    })).tree;
    const comparison = fc
      .tuple(number, fc.constantFrom('>', '>=', '<', '<=', '=', '!='), number)
      .map(([left, sign, right]) => `${left} ${sign} ${right}`);
    const condition = fc.letrec<{ tree: string }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        { weight: 2, arbitrary: comparison },
        fc.tuple(tie('tree'), fc.constantFrom('and', 'or'), tie('tree')).map(([l, word, r]) => `(${l} ${word} ${r})`),
        tie('tree').map((inner) => `not (${inner})`),
      ),
    })).tree;
    const values = [-4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4];
    const grid = values.flatMap((a) => values.map((b) => new Map(Object.entries({ a, b }))));

    it('never is never, and what is found is true', () => {
      fc.assert(
        fc.property(condition, (text) => {
          const parsed = parseCondition(text);
          const search = findRow([parsed], (isTrue) => isTrue);
          if (search === 'none') for (const row of grid) assert.notEqual(parsed.evaluate(row), true, JSON.stringify([...row]));
          if (typeof search === 'object') assert.equal(parsed.evaluate(search.found), true);
        }),
        { numRuns: 500 },
      );
    });

    it('what clears without firing is never called impossible', () => {
      fc.assert(
        fc.property(condition, condition, (fire, clear) => {
          const [fires, clears] = [parseCondition(fire), parseCondition(clear)];
          if (!grid.some((row) => clears.evaluate(row) === true && fires.evaluate(row) !== true)) return;
          assert.notEqual(
            findRow([fires, clears], (isFiring, isClear) => !isFiring && isClear),
            'none',
          );
        }),
        { numRuns: 300 },
      );
    });
  });
});
