// Which numbers a part of a condition may be at all, whatever the row: a square is never negative. Says less than condition-lines.ts, of
// every kind of tree.
import type { NumberTree, TruthTree } from './condition-tree.ts';

/** What columns are at least, where that is known: a count is never negative. */
export type Least = ReadonlyMap<string, number>;

type Range = readonly [least: number, most: number];

const ANY: Range = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/** Whether a comparison may be true, and whether it may be false. What is not sure may be. */
export function possibleTruths(
  { operator, left, right }: Extract<TruthTree, { kind: 'comparison' }>,
  least: Least,
): readonly boolean[] {
  const [[leftLeast, leftMost], [rightLeast, rightMost]] = [rangeOf(left, least), rangeOf(right, least)];
  const [isBelow, isAbove] = [leftMost < rightLeast, leftLeast > rightMost];
  const [isAtMost, isAtLeast] = [leftMost <= rightLeast, leftLeast >= rightMost];
  switch (operator) {
    case '>':
      return only(!isAtMost, !isAbove);
    case '>=':
      return only(!isBelow, !isAtLeast);
    case '<':
      return only(!isAtLeast, !isBelow);
    case '<=':
      return only(!isAbove, !isAtMost);
    case '=':
      return only(!isBelow && !isAbove, true);
    default:
      return only(true, !isBelow && !isAbove);
  }
}

function only(isTrue: boolean, isFalse: boolean): readonly boolean[] {
  return [...(isTrue ? [true] : []), ...(isFalse ? [false] : [])];
}

function rangeOf(tree: NumberTree, least: Least): Range {
  const range = boundsOf(tree, least);
  return range.some(Number.isNaN) ? ANY : range;
}

function boundsOf(tree: NumberTree, least: Least): Range {
  switch (tree.kind) {
    case 'number':
      return [tree.value, tree.value];
    case 'column':
      return [least.get(tree.name) ?? ANY[0], ANY[1]];
    case 'negate':
      return negate(rangeOf(tree.operand, least));
    case 'arithmetic':
      return arithmeticOf(tree, least);
    case 'call': {
      const ranges = tree.operands.map((operand) => rangeOf(operand, least));
      if (tree.name === 'abs') return absOf(ranges[0] ?? ANY);
      const pick = tree.name === 'min' ? Math.min : Math.max;
      return [pick(...ranges.map(([from]) => from)), pick(...ranges.map(([, to]) => to))];
    }
  }
}

function arithmeticOf({ operator, left, right }: Extract<NumberTree, { kind: 'arithmetic' }>, least: Least): Range {
  const [a, b] = [rangeOf(left, least), rangeOf(right, least)];
  switch (operator) {
    case '+':
      return [a[0] + b[0], a[1] + b[1]];
    case '-':
      return [a[0] - b[1], a[1] - b[0]];
    case '*':
      if (!isSame(left, right)) return productOf(a, b);
      return absOf(a).map((bound) => bound * bound) as unknown as Range;
    default:
      if (isSame(left, right)) return [1, 1];
      return b[0] > 0 || b[1] < 0 ? productOf(a, [1 / b[1], 1 / b[0]]) : quotientSign(a, b);
  }
}

/** By a divisor that may be 0, the quotient has any size; its sign is still known. What is divided by 0 has no number. */
function quotientSign(a: Range, b: Range): Range {
  if (b[0] >= 0) return [a[0] >= 0 ? 0 : ANY[0], a[1] <= 0 ? 0 : ANY[1]];
  return ANY;
}

function productOf(a: Range, b: Range): Range {
  const products = a.flatMap((one) => b.map((other) => (one === 0 || other === 0 ? 0 : one * other)));
  return [Math.min(...products), Math.max(...products)];
}

function absOf([from, to]: Range): Range {
  return from >= 0 ? [from, to] : to <= 0 ? [-to, -from] : [0, Math.max(-from, to)];
}

function negate([from, to]: Range): Range {
  return [-to, -from];
}

/** Ends at the first difference: long products ask at each of their signs. */
function isSame(a: NumberTree, b: NumberTree): boolean {
  switch (a.kind) {
    case 'number':
      return b.kind === 'number' && a.value === b.value;
    case 'column':
      return b.kind === 'column' && a.name === b.name;
    case 'negate':
      return b.kind === 'negate' && isSame(a.operand, b.operand);
    case 'arithmetic':
      return b.kind === 'arithmetic' && a.operator === b.operator && isSame(a.left, b.left) && isSame(a.right, b.right);
    case 'call':
      return b.kind === 'call' && a.name === b.name && a.operands.length === b.operands.length && areSame(a.operands, b.operands);
  }
}

function areSame(a: readonly NumberTree[], b: readonly NumberTree[]): boolean {
  return a.every((operand, index) => isSame(operand, b[index] as NumberTree));
}
