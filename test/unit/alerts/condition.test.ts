import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseCondition } from '../../../src/alerts/condition.ts';

const row = (values: Record<string, number | null>) => new Map(Object.entries(values));

describe('parseCondition', () => {
  const numbers = row({ value: 0.2, events: 60, lost: null, nan: Number.NaN, zero: 0, endless: Number.POSITIVE_INFINITY });
  const table: [string, boolean | undefined][] = [
    ['value > 0.10 and events >= 50', true],
    ['value > 0.10 and events >= 61', false],
    ['value = .2', true],
    ['value != 2e-1', false],
    ['1 + 2 * 3 = 7 and (1 + 2) * 3 = 9', true],
    ['10 - 4 - 3 = 3 and 12 / 3 / 2 = 2', true],
    ['-value < 0 and - -value > 0 and -2 * -3 = 6', true],
    ['1 > 2 or 2 > 1 and 1 > 2', false],
    ['(1 > 2 or 2 > 1) and not 1 > 2', true],
    ['not not 1 < 2', true],
    ['abs(0 - events) = 60 and min(1, 2, 3) = 1 and max(value, events) = 60', true],
    ['endless > 1000000', true],
    ['1 <= 1 AND NOT 1 < 1', true],
    // Null, NaN and a division by zero are unknown, and so is what depends on them.
    ['lost > 1', undefined],
    ['not lost > 1', undefined],
    ['nan = nan', undefined],
    ['nan != 1', undefined],
    ['value / zero > 1', undefined],
    ['max(value, lost) > 0', undefined],
    ['lost > 1 and 1 > 2', false],
    ['lost > 1 or 2 > 1', true],
    ['lost > 1 and 2 > 1', undefined],
  ];
  for (const [text, truth] of table) {
    it(`finds ${text} ${truth === undefined ? 'unknown' : truth}`, () => {
      assert.equal(parseCondition(text).evaluate(numbers), truth);
    });
  }

  const errors: [string, RegExp][] = [
    ['', /^at 1: found the end; allowed: a number, a column, abs, min, max, not, - or \($/],
    ['value >', /^at 8: found the end; allowed: a number/],
    ['value > 1 events', /^at 11: found "events"; allowed: and, or, the end$/],
    ['value > 1 && events > 2', /^at 11: found "&"; allowed: and, or, the end$/],
    ['value == 1', /^at 8: found "="; allowed: a number/],
    ['value', /is a number; allowed: something that is true or false/],
    ['value and events > 1', /^at 7: "and" needs comparisons on both sides/],
    ['(value > 1) + 2 > 1', /^at 13: "\+" needs numbers on both sides/],
    ['1 < value < 3', /^at 11: found "<"; allowed: and, or, the end$/],
    ['not value', /^at 1: "not" needs comparisons/],
    ['(value > 1', /^at 11: found the end; allowed: an operator \(.*\) or \)$/],
    ['sqrt(value) > 1', /^at 1: found "sqrt"; allowed: the functions abs, min, max$/],
    ['abs(1, 2) > 1', /^at 1: abs got 2 operands; allowed: 1$/],
    ['constructor(1) > 1', /^at 1: found "constructor"/],
    ["value = 'x'", /^at 9: found "'"; allowed: a number/],
    [`${'('.repeat(200)}1 > 0`, /is nested deeper than 100/],
    ['1 > 0 and '.repeat(500), /is 5000 characters long; allowed: 4000/],
  ];
  for (const [text, message] of errors) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
      assert.throws(() => parseCondition(text), { code: 'ERR_RULES_INVALID', message });
    });
  }

  it('names the columns there are when one is not there', () => {
    const condition = parseCondition('vlaue > 1');
    assert.deepEqual(condition.columns, ['vlaue']);
    assert.throws(() => condition.evaluate(row({ value: 1, events: 2 })), {
      message: 'there is no column "vlaue"; the query gives: value, events',
    });
  });

  it('computes what JavaScript computes', () => {
    const expression = fc.letrec<{ sum: string }>((tie) => ({
      sum: fc.oneof(
        { depthSize: 'small' },
        fc.integer({ min: 0, max: 50 }).map(String),
        fc.constantFrom('a', 'b'),
        fc.tuple(tie('sum'), fc.constantFrom('+', '-', '*'), tie('sum')).map(([x, op, y]) => `(${x} ${op} ${y})`),
        fc.tuple(tie('sum'), fc.constantFrom('+', '-', '*'), tie('sum')).map(([x, op, y]) => `${x} ${op} ${y}`),
        tie('sum').map((x) => `-(${x})`),
      ),
    })).sum;
    fc.assert(
      fc.property(expression, expression, fc.constantFrom('>', '>=', '<', '<='), (left, right, comparison) => {
        const text = `${left} ${comparison} ${right}`;
        fc.pre(text.length < 3000);
        const expected = new Function('a', 'b', `return ${text}`)(3, 7) as boolean;
        assert.equal(parseCondition(text).evaluate(row({ a: 3, b: 7 })), expected);
      }),
    );
  });

  it('never fails but with an error of its own', () => {
    const piece = fc.constantFrom(
      'value',
      ' and ',
      'or',
      ' not ',
      '(',
      ')',
      '>',
      '=',
      '1',
      '.5',
      ' ',
      ',',
      'abs',
      '-',
      '%',
      '\n',
      '"',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 15 }), (pieces) => {
        try {
          parseCondition(pieces.join('')).evaluate(numbers);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_RULES_INVALID');
        }
      }),
    );
  });
});
