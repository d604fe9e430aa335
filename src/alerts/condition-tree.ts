// What a condition says, as a tree, and how it is evaluated for a row. As in SQL, null is unknown: arithmetic with null (or NaN, or a division
// by zero) is null, a comparison with null is neither true nor false, and so neither is its `not`. Missing numbers neither fire nor clear.
import { KeepwatchError } from '../errors.ts';

/** Something that is a number. */
export type NumberTree =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'negate'; readonly operand: NumberTree }
  | { readonly kind: 'arithmetic'; readonly operator: string; readonly left: NumberTree; readonly right: NumberTree }
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly NumberTree[] };

/** Something that is true, false or unknown. */
export type TruthTree =
  | { readonly kind: 'comparison'; readonly operator: string; readonly left: NumberTree; readonly right: NumberTree }
  | { readonly kind: 'not'; readonly operand: TruthTree }
  | { readonly kind: 'and' | 'or'; readonly left: TruthTree; readonly right: TruthTree };

/** The number columns of a row; NaN counts as null. */
export type NumberRow = ReadonlyMap<string, number | null>;

/** A number, or a truth as 1, 0 or null. */
export type Evaluator = (row: NumberRow) => number | null;

export const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

export const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

export const FUNCTIONS: Readonly<
  Record<string, { readonly arity: readonly [number, number]; apply(...values: number[]): number }>
> = {
  abs: { arity: [1, 1], apply: Math.abs },
  min: { arity: [2, 20], apply: Math.min },
  max: { arity: [2, 20], apply: Math.max },
};

export function isTruth(tree: NumberTree | TruthTree): tree is TruthTree {
  return ['comparison', 'not', 'and', 'or'].includes(tree.kind);
}

/** @throws (when evaluated) KeepwatchError ERR_RULES_INVALID naming the columns there are, when one is not there */
export function compileTree(tree: NumberTree | TruthTree): Evaluator {
  return isTruth(tree) ? compileTruth(tree) : compileNumber(tree);
}

function compileTruth(tree: TruthTree): Evaluator {
  if (tree.kind === 'not') {
    const operand = compileTruth(tree.operand);
    return (row) => ifKnown(operand(row), (value) => 1 - value);
  }
  if (tree.kind === 'comparison') {
    const [left, right] = [compileNumber(tree.left), compileNumber(tree.right)];
    const compare = COMPARISONS[tree.operator] as (a: number, b: number) => boolean;
    return (row) => ifKnown(left(row), (a) => ifKnown(right(row), (b) => Number(compare(a, b))));
  }
  // `and` is 0 as soon as one side is 0, `or` is 1 as soon as one side is 1; else null when a side is null.
  const deciding = tree.kind === 'and' ? 0 : 1;
  const [left, right] = [compileTruth(tree.left), compileTruth(tree.right)];
  return (row) => {
    const [a, b] = [left(row), right(row)];
    if (a === deciding || b === deciding) return deciding;
    return a === null || b === null ? null : 1 - deciding;
  };
}

function compileNumber(tree: NumberTree): Evaluator {
  switch (tree.kind) {
    case 'number': {
      const { value } = tree;
      return () => value;
    }
    case 'column':
      return columnOf(tree.name);
    case 'negate': {
      const operand = compileNumber(tree.operand);
      return (row) => ifKnown(operand(row), (value) => -value);
    }
    case 'arithmetic': {
      const [left, right] = [compileNumber(tree.left), compileNumber(tree.right)];
      const apply = ARITHMETIC[tree.operator] as (a: number, b: number) => number;
      return (row) => ifKnown(left(row), (a) => ifKnown(right(row), (b) => finite(apply(a, b))));
    }
    case 'call': {
      const operands = tree.operands.map(compileNumber);
      const apply = FUNCTIONS[tree.name]?.apply as (...values: number[]) => number;
      return (row) => {
        const values = operands.map((operand) => operand(row));
        return values.includes(null) ? null : apply(...(values as number[]));
      };
    }
  }
}

function columnOf(name: string): Evaluator {
  return (row) => {
    const value = row.get(name);
    if (value === undefined) throw new KeepwatchError('ERR_RULES_INVALID', unknownColumn(name, [...row.keys()]));
    return value === null || Number.isNaN(value) ? null : value;
  };
}

function ifKnown(value: number | null, then: (value: number) => number | null): number | null {
  return value === null ? null : then(value);
}

/** A division by zero has no number: it may neither fire nor clear. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** One wording for conditions and annotations. */
export function unknownColumn(name: string, columns: readonly string[]): string {
  return `there is no column "${name}"; the query gives: ${columns.length > 0 ? columns.join(', ') : 'none'}`;
}
