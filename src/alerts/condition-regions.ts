// Finds a row for which several conditions are true or false as asked, or proves that there is none. Truth changes where a straight piece of a
// comparison is 0 (condition-lines.ts): those values of a column, and one between each two, stand for all numbers. What compares several columns is
// first taken for a number of its own, free of those columns: where not even that finds a row, there is none.
import type { Condition } from './condition.ts';
import { differencesOf, type Line, linesOf } from './condition-lines.ts';
import { type Least, possibleTruths } from './condition-ranges.ts';
import { COMPARISONS, compileTree, type NumberTree, type TruthTree } from './condition-tree.ts';

/** `undecided`: no row was found and none ruled out, or there is too much to try. */
export type Search = { readonly found: ReadonlyMap<string, number> } | 'none' | 'undecided';

/** What several searches may take together: parts of conditions that are looked at, counted for each case again. */
export interface SearchBudget {
  left: number;
}

export interface SearchOptions {
  /** Default: nothing is known of columns. */
  readonly least?: Least;
  /** Default: one for this search alone. */
  readonly budget?: SearchBudget;
}

type Comparison = Extract<TruthTree, { kind: 'comparison' }>;
type Accepts = (...truths: boolean[]) => boolean;
/** What each column, and each number of its own, is in a case. */
type Case = ReadonlyMap<string, number | null>;
type Choices = Map<string, readonly (number | null)[]>;
/** Whether a comparison is true in a case, as 1, 0 or null. */
type Judge = (given: Case) => number | null;

const MAX_CASES = 20_000;
/** With more columns the cases of `rows` are more than MAX_CASES: 6 ** 6. */
const MAX_ROW_COLUMNS = 5;
/** What the plan of a search costs for each part of a comparison, beside the square of its parts. */
const PLAN_LOOKS = 60;
/** Of one search: about 10 ms. */
const MAX_LOOKS = 500_000;
/** Of all searches of a rule. */
const MAX_RULE_LOOKS = 2_000_000;

/** The budget of the searches that a rule is worth: about 50 ms. */
export function createSearchBudget(): SearchBudget {
  return { left: MAX_RULE_LOOKS };
}

/** Looks for a row that `accepts` likes, told for each condition whether it is true. */
export function findRow(
  conditions: readonly Condition[],
  accepts: Accepts,
  { least = new Map(), budget = createSearchBudget() }: SearchOptions = {},
): Search {
  const sizes = conditions.flatMap(({ tree }) => comparisonsIn(tree).map(sizeOf));
  const size = sizes.reduce((sum, one) => sum + one, 0);
  // What there is to try has to be worked out first: sums copy what they have so far.
  if (
    !spend(
      budget,
      sizes.reduce((sum, one) => sum + one * (one + PLAN_LOOKS), 0),
    )
  )
    return 'undecided';
  const plan = new Plan(conditions, least);
  const effort = { size, budget };
  const acceptsRow = (row: Case) => accepts(...conditions.map((condition) => condition.evaluate(row) === true));
  if (plan.isExact) return searchRows(plan.choices(), acceptsRow, effort);
  const relaxed = searchCases(
    plan.choices(),
    (given) => accepts(...conditions.map(({ tree }) => plan.truthOf(tree, given) === 1)),
    effort,
  );
  if (relaxed === 'none') return 'none';
  const rows = plan.rows();
  const search = rows === undefined ? 'undecided' : searchRows(rows, acceptsRow, effort);
  return search === 'none' && !plan.isByOrder ? 'undecided' : search;
}

/** What a case costs, and what is left. */
interface Effort {
  readonly size: number;
  readonly budget: SearchBudget;
}

/** @returns false, and nothing is spent, when less is left */
function spend(budget: SearchBudget, looks: number): boolean {
  if (looks > budget.left) return false;
  budget.left -= looks;
  return true;
}

/** What there is to try. */
class Plan {
  /** Comparisons are of one column at a time: rows of `choices` stand for all. */
  isExact = true;
  /** Comparisons of several columns ask which is greater, and no more: rows of `rows` stand for all. */
  isByOrder = true;
  readonly #columns: readonly string[];
  readonly #least: Least;
  /** Where truth changes: of columns, and of sums of columns that are numbers of their own. */
  readonly #edges = new Map<string, Set<number>>();
  readonly #free: Choices = new Map();
  readonly #judges = new Map<Comparison, Judge>();
  readonly #literals = new Set([0]);

  constructor(conditions: readonly Condition[], least: Least) {
    this.#least = least;
    this.#columns = [...new Set(conditions.flatMap(({ columns }) => columns))];
    for (const column of this.#columns) this.#edges.set(column, new Set(startsOf(column, least)));
    for (const comparison of conditions.flatMap(({ tree }) => comparisonsIn(tree))) this.#add(comparison);
  }

  choices(): Choices {
    const samples = [...this.#edges].map(([name, edges]) => [name, samplesOf(edges, 1, this.#least.get(name))] as const);
    return new Map([...samples, ...this.#free]);
  }

  /** So many numbers between each two that all orders of the columns are among them. Undefined: too many to write down. */
  rows(): Choices | undefined {
    if (this.#columns.length > MAX_ROW_COLUMNS) return undefined;
    const edges = new Set([...this.#literals, ...[...this.#edges.values()].flatMap((own) => [...own])]);
    return new Map(this.#columns.map((column) => [column, samplesOf(edges, this.#columns.length, this.#least.get(column))]));
  }

  truthOf(tree: TruthTree, given: Case): number | null {
    if (tree.kind === 'comparison') return this.#judges.get(tree)?.(given) ?? null;
    if (tree.kind === 'not') {
      const operand = this.truthOf(tree.operand, given);
      return operand === null ? null : 1 - operand;
    }
    const deciding = tree.kind === 'and' ? 0 : 1;
    const [left, right] = [this.truthOf(tree.left, given), this.truthOf(tree.right, given)];
    if (left === deciding || right === deciding) return deciding;
    return left === null || right === null ? null : 1 - deciding;
  }

  #add(comparison: Comparison): void {
    const [left, right] = [linesOf(comparison.left), linesOf(comparison.right)];
    const isNever = left?.length === 0 || right?.length === 0;
    const lines = isNever ? [] : left && right && differencesOf(left, right);
    if (lines?.every(({ factors }) => factors.size <= 1) === true) {
      for (const line of lines) this.#addEdge([...line.factors.keys()][0], line);
      this.#judges.set(comparison, isNever ? () => null : compileTree(comparison));
      return;
    }
    this.isExact = false;
    for (const value of numbersIn(comparison)) this.#literals.add(value);
    const [line] = lines ?? [];
    this.#judges.set(
      comparison,
      line !== undefined && lines?.length === 1 ? this.#addSum(comparison, line) : this.#addFree(comparison),
    );
  }

  /** A sum of columns, by itself: the same for all comparisons that differ in scale and offset alone. */
  #addSum({ operator }: Comparison, line: Line): Judge {
    const sorted = [...line.factors].sort(([a], [b]) => (a < b ? -1 : 1));
    const unit = sorted[0]?.[1] ?? 1;
    const terms = sorted.map(([column, factor]) => [column, factor / unit] as const);
    const name = JSON.stringify(terms);
    const edge = this.#addEdge(name, { factors: new Map([[name, unit]]), offset: line.offset });
    if (edge !== 0 || terms.length > 2 || terms[1]?.[1] !== -1) this.isByOrder = false;
    const compare = COMPARISONS[operator] as (a: number, b: number) => boolean;
    return (given) => Number(compare(Math.sign(unit) * ((given.get(name) ?? 0) - edge), 0));
  }

  /** Nothing is known but what it may be at all. */
  #addFree(comparison: Comparison): Judge {
    this.isByOrder = false;
    const name = `comparison ${this.#free.size}`;
    this.#free.set(name, [...possibleTruths(comparison, this.#least).map(Number), null]);
    return (given) => given.get(name) ?? null;
  }

  /** Where the line is 0. What is off by rounding alone is looked at as it was meant, too. */
  #addEdge(name: string | undefined, { factors, offset }: Line): number {
    const edge = -offset / ([...factors.values()][0] ?? 1) || 0;
    if (name === undefined || !Number.isFinite(edge)) return edge;
    const edges = this.#edges.get(name) ?? new Set();
    this.#edges.set(name, edges.add(edge).add(Number(edge.toPrecision(15))));
    return edge;
  }
}

function searchRows(choices: Choices, accepts: (row: Case) => boolean, effort: Effort): Search {
  const search = searchCases(choices, accepts, effort);
  return typeof search === 'object' ? { found: search as ReadonlyMap<string, number> } : search;
}

function searchCases(choices: Choices, accepts: (given: Case) => boolean, { size, budget }: Effort): Case | 'none' | 'undecided' {
  const cases = [...choices.values()].reduce((product, { length }) => product * length, 1);
  const looks = size + choices.size;
  if (cases > MAX_CASES || cases * looks > MAX_LOOKS) return 'undecided';
  for (let index = 0; index < cases; index++) {
    if (!spend(budget, looks)) return 'undecided';
    const given = new Map<string, number | null>();
    let rest = index;
    for (const [name, values] of choices) {
      given.set(name, values[rest % values.length] ?? null);
      rest = Math.floor(rest / values.length);
    }
    if (accepts(given)) return given;
  }
  return 'none';
}

/** Each edge, `between` numbers between each two, and as many beyond each end; none under `least`. */
function samplesOf(edges: ReadonlySet<number>, between: number, least = Number.NEGATIVE_INFINITY): number[] {
  const sorted = [...edges].sort((a, b) => a - b);
  const [first, last] = [sorted[0] ?? 0, sorted.at(-1) ?? 0];
  const steps = Array.from({ length: between }, (_, index) => index + 1);
  const inner = sorted.slice(1).flatMap((edge, index) => {
    const before = sorted[index] as number;
    return steps.map((step) => (before * (between + 1 - step) + edge * step) / (between + 1));
  });
  const below = steps.map((step) => first - step * Math.max(1, Math.abs(first)));
  const above = steps.map((step) => last + step * Math.max(1, Math.abs(last)));
  return [...sorted, ...inner, ...below, ...above].filter((value) => value >= least);
}

function startsOf(column: string, least: Least): number[] {
  const start = least.get(column);
  return start === undefined ? [] : [start];
}

function comparisonsIn(tree: TruthTree, found: Comparison[] = []): Comparison[] {
  if (tree.kind === 'comparison') found.push(tree);
  else if (tree.kind === 'not') comparisonsIn(tree.operand, found);
  else {
    comparisonsIn(tree.left, found);
    comparisonsIn(tree.right, found);
  }
  return found;
}

/** How many parts it has. */
function sizeOf(tree: Comparison | NumberTree): number {
  switch (tree.kind) {
    case 'number':
    case 'column':
      return 1;
    case 'negate':
      return 1 + sizeOf(tree.operand);
    case 'call':
      return tree.operands.reduce((sum, operand) => sum + sizeOf(operand), 1);
    default:
      return 1 + sizeOf(tree.left) + sizeOf(tree.right);
  }
}

/** The numbers that are written in it. */
function numbersIn(tree: Comparison | NumberTree): number[] {
  switch (tree.kind) {
    case 'number':
      return Number.isFinite(tree.value) ? [tree.value] : [];
    case 'column':
      return [];
    case 'negate':
      return numbersIn(tree.operand).map((value) => -value);
    case 'call':
      return tree.operands.flatMap(numbersIn);
    default:
      return [...numbersIn(tree.left), ...numbersIn(tree.right)];
  }
}
