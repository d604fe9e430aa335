// Finds a row for which several conditions are true or false as asked, or proves that there is none. Where every comparison is between a
// column (scaled, shifted, or its abs) and a fixed number, truth changes at known values of that column only: those values, and one between
// each two, stand for all numbers. What compares two columns is left undecided.
import type { Condition } from './condition.ts';
import type { NumberTree, TruthTree } from './condition-tree.ts';

/** `undecided`: a comparison is of another kind, or there are too many cases. */
export type Search = { readonly found: ReadonlyMap<string, number> } | 'none' | 'undecided';

const MAX_CASES = 20_000;

/** Looks for a row that `accepts` likes, told for each condition whether it is true. */
export function findRow(conditions: readonly Condition[], accepts: (...truths: boolean[]) => boolean): Search {
  const edges = new Map<string, Set<number>>();
  for (const { tree, columns } of conditions) {
    for (const column of columns) if (!edges.has(column)) edges.set(column, new Set());
    if (!collectEdges(tree, edges)) return 'undecided';
  }
  const columns = [...edges.keys()];
  const choices = columns.map((column) => samplesOf(edges.get(column) ?? new Set()));
  const cases = choices.reduce((product, { length }) => product * length, 1);
  if (cases > MAX_CASES) return 'undecided';
  for (let index = 0; index < cases; index++) {
    const row = new Map<string, number>();
    let rest = index;
    for (const [at, column] of columns.entries()) {
      const samples = choices[at] as number[];
      row.set(column, samples[rest % samples.length] as number);
      rest = Math.floor(rest / samples.length);
    }
    if (accepts(...conditions.map((condition) => condition.evaluate(row) === true))) return { found: row };
  }
  return 'none';
}

/** Each edge, a number between each two, and one beyond each end. */
function samplesOf(edges: ReadonlySet<number>): number[] {
  const sorted = [...edges].sort((a, b) => a - b);
  const [first, last] = [sorted[0] ?? 0, sorted.at(-1) ?? 0];
  const between = sorted.slice(1).map((edge, index) => ((sorted[index] as number) + edge) / 2);
  return [...sorted, ...between, first - Math.max(1, Math.abs(first)), last + Math.max(1, Math.abs(last))];
}

/** @returns false when a comparison is of a kind that cannot be decided */
function collectEdges(tree: TruthTree, edges: Map<string, Set<number>>): boolean {
  if (tree.kind === 'not') return collectEdges(tree.operand, edges);
  if (tree.kind !== 'comparison') return collectEdges(tree.left, edges) && collectEdges(tree.right, edges);
  for (const [side, other] of [[tree.left, tree.right] as const, [tree.right, tree.left] as const]) {
    const bound = lineOf(other);
    if (side.kind !== 'call' || side.name !== 'abs' || bound === undefined || bound.column !== undefined) continue;
    const inner = lineOf(side.operands[0] as NumberTree);
    if (inner === undefined) return false;
    return [bound.offset, -bound.offset].every((value) => addEdge({ ...inner, offset: inner.offset - value }, edges));
  }
  const [left, right] = [lineOf(tree.left), lineOf(tree.right)];
  if (left === undefined || right === undefined) return false;
  const difference = add(left, scale(right, -1));
  return difference !== undefined && addEdge(difference, edges);
}

/** factor * column + offset; without a column a fixed number. */
interface Line {
  readonly column: string | undefined;
  readonly factor: number;
  readonly offset: number;
}

/** Where the line crosses zero. */
function addEdge({ column, factor, offset }: Line, edges: Map<string, Set<number>>): boolean {
  if (column === undefined || factor === 0) return true;
  const edge = -offset / factor;
  if (!Number.isFinite(edge)) return false;
  edges.get(column)?.add(edge === 0 ? 0 : edge);
  return true;
}

function lineOf(tree: NumberTree): Line | undefined {
  if (tree.kind === 'number') return { column: undefined, factor: 0, offset: tree.value };
  if (tree.kind === 'column') return { column: tree.name, factor: 1, offset: 0 };
  if (tree.kind === 'call') return undefined;
  if (tree.kind === 'negate') {
    const line = lineOf(tree.operand);
    return line === undefined ? undefined : scale(line, -1);
  }
  const [left, right] = [lineOf(tree.left), lineOf(tree.right)];
  if (left === undefined || right === undefined) return undefined;
  switch (tree.operator) {
    case '+':
      return add(left, right);
    case '-':
      return add(left, scale(right, -1));
    case '*':
      if (right.column === undefined) return scale(left, right.offset);
      return left.column === undefined ? scale(right, left.offset) : undefined;
    default:
      return right.column === undefined && right.offset !== 0 ? scale(left, 1 / right.offset) : undefined;
  }
}

function scale({ column, factor, offset }: Line, by: number): Line {
  return { column, factor: factor * by, offset: offset * by };
}

function add(a: Line, b: Line): Line | undefined {
  if (a.column !== undefined && b.column !== undefined && a.column !== b.column) return undefined;
  return { column: a.column ?? b.column, factor: a.factor + b.factor, offset: a.offset + b.offset };
}
