// fire_when and clear_when: a small language over the numbers of a row. Parsed when the rule is loaded, evaluated per row.
// As in SQL, null is unknown: arithmetic with null (or NaN, or a division by zero) is null, a comparison with null is neither true nor false,
// and so neither is its `not`. Missing numbers neither fire nor clear.
import { KeepwatchError } from '../errors.ts';
import { type Token, tokenizeCondition } from './condition-tokens.ts';

type Kind = 'number' | 'truth';

interface Node {
  readonly kind: Kind;
  /** A truth is 1, 0 or null. */
  evaluate(row: NumberRow): number | null;
}

/** The number columns of a row; NaN counts as null. */
export type NumberRow = ReadonlyMap<string, number | null>;

/** A parsed condition. */
export interface Condition {
  readonly text: string;
  /** Every column that it reads, once. */
  readonly columns: readonly string[];
  /**
   * Whether it is true for the row; undefined when that cannot be known.
   * @throws KeepwatchError ERR_RULES_INVALID naming the columns there are, when one is not there
   */
  evaluate(row: NumberRow): boolean | undefined;
}

const MAX_LENGTH = 4000;
const MAX_DEPTH = 100;
const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};
const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};
const FUNCTIONS: Readonly<Record<string, { arity: readonly [number, number]; apply(...values: number[]): number }>> = {
  abs: { arity: [1, 1], apply: Math.abs },
  min: { arity: [2, 20], apply: Math.min },
  max: { arity: [2, 20], apply: Math.max },
};
const OPERATORS = [...Object.keys(COMPARISONS), ...Object.keys(ARITHMETIC)].join(' ');
const OPERAND = `a number, a column, ${Object.keys(FUNCTIONS).join(', ')}, not, - or (`;

/**
 * Parses a condition such as `value > 0.10 and events >= 50`.
 * Operators, loosest first: `or`, `and`, `not`, comparisons (`> >= < <= = !=`), `+ -`, `* /`, unary `-`; functions abs, min, max.
 * @throws KeepwatchError ERR_RULES_INVALID with the position (from 1), what was found there, and what is allowed
 */
export function parseCondition(text: string): Condition {
  const parser = new Parser(text);
  const node = parser.parse();
  return {
    text,
    columns: [...parser.columns],
    evaluate(row) {
      const truth = node.evaluate(row);
      return truth === null ? undefined : truth === 1;
    },
  };
}

class Parser {
  readonly columns = new Set<string>();
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;

  constructor(text: string) {
    if (text.length > MAX_LENGTH) throw invalid(`is ${text.length} characters long; allowed: ${MAX_LENGTH}`);
    this.#tokens = tokenizeCondition(text);
  }

  parse(): Node {
    const node = this.#or();
    const token = this.#peek();
    if (token.type !== 'end') throw unexpected(token, node.kind === 'truth' ? 'and, or, the end' : OPERATORS);
    if (node.kind !== 'truth') throw invalid('is a number; allowed: something that is true or false, such as value > 1');
    return node;
  }

  #or(): Node {
    return this.#logic('or', () => this.#logic('and', () => this.#not()));
  }

  /** `and` is 0 as soon as one side is 0, `or` is 1 as soon as one side is 1; else null when a side is null. */
  #logic(word: 'and' | 'or', operand: () => Node): Node {
    const deciding = word === 'and' ? 0 : 1;
    let left = operand();
    while (this.#peek().type === 'word' && this.#peek().text.toLowerCase() === word) {
      const token = this.#next();
      const [first, second] = [expectKind(left, 'truth', token), expectKind(operand(), 'truth', token)];
      left = {
        kind: 'truth',
        evaluate(row) {
          const [a, b] = [first.evaluate(row), second.evaluate(row)];
          if (a === deciding || b === deciding) return deciding;
          return a === null || b === null ? null : 1 - deciding;
        },
      };
    }
    return left;
  }

  #not(): Node {
    const token = this.#peek();
    if (token.type !== 'word' || token.text.toLowerCase() !== 'not') return this.#comparison();
    this.#next();
    const inner = expectKind(
      this.#nested(() => this.#not()),
      'truth',
      token,
    );
    return { kind: 'truth', evaluate: (row) => ifKnown(inner.evaluate(row), (value) => 1 - value) };
  }

  #comparison(): Node {
    const left = this.#sum();
    const token = this.#peek();
    const compare = token.type === 'symbol' ? COMPARISONS[token.text] : undefined;
    if (compare === undefined) return left;
    this.#next();
    const [first, second] = [expectKind(left, 'number', token), expectKind(this.#sum(), 'number', token)];
    return {
      kind: 'truth',
      evaluate: (row) => ifKnown(first.evaluate(row), (a) => ifKnown(second.evaluate(row), (b) => Number(compare(a, b)))),
    };
  }

  #sum(): Node {
    return this.#arithmetic(['+', '-'], () => this.#arithmetic(['*', '/'], () => this.#unary()));
  }

  #arithmetic(symbols: readonly string[], operand: () => Node): Node {
    let left = operand();
    for (let token = this.#peek(); token.type === 'symbol' && symbols.includes(token.text); token = this.#peek()) {
      this.#next();
      const [first, second] = [expectKind(left, 'number', token), expectKind(operand(), 'number', token)];
      const apply = ARITHMETIC[token.text] as (a: number, b: number) => number;
      left = {
        kind: 'number',
        evaluate: (row) => ifKnown(first.evaluate(row), (a) => ifKnown(second.evaluate(row), (b) => finite(apply(a, b)))),
      };
    }
    return left;
  }

  #unary(): Node {
    const token = this.#peek();
    if (token.type !== 'symbol' || token.text !== '-') return this.#primary();
    this.#next();
    const inner = expectKind(
      this.#nested(() => this.#unary()),
      'number',
      token,
    );
    return { kind: 'number', evaluate: (row) => ifKnown(inner.evaluate(row), (value) => -value) };
  }

  #primary(): Node {
    const token = this.#next();
    if (token.type === 'number') {
      const value = Number(token.text);
      return { kind: 'number', evaluate: () => value };
    }
    if (token.type === 'symbol' && token.text === '(') {
      const node = this.#nested(() => this.#or());
      this.#expect(')');
      return node;
    }
    if (token.type !== 'word' || ['and', 'or', 'not'].includes(token.text.toLowerCase())) throw unexpected(token, OPERAND);
    return this.#peek().text === '(' ? this.#call(token) : this.#column(token.text);
  }

  #column(name: string): Node {
    this.columns.add(name);
    return {
      kind: 'number',
      evaluate(row) {
        const value = row.get(name);
        if (value === undefined) throw invalid(unknownColumn(name, [...row.keys()]));
        return value === null || Number.isNaN(value) ? null : value;
      },
    };
  }

  #call(name: Token): Node {
    const known = Object.hasOwn(FUNCTIONS, name.text) ? FUNCTIONS[name.text] : undefined;
    if (known === undefined) throw unexpected(name, `the functions ${Object.keys(FUNCTIONS).join(', ')}`);
    this.#expect('(');
    const operands: Node[] = [];
    do
      operands.push(
        expectKind(
          this.#nested(() => this.#sum()),
          'number',
          name,
        ),
      );
    while (this.#peek().text === ',' && this.#next());
    this.#expect(')');
    const [least, most] = known.arity;
    if (operands.length < least || operands.length > most) {
      const allowed = least === most ? String(least) : `${least} to ${most}`;
      throw invalid(`at ${name.at}: ${name.text} got ${operands.length} operands; allowed: ${allowed}`);
    }
    return {
      kind: 'number',
      evaluate(row) {
        const values = operands.map((operand) => operand.evaluate(row));
        return values.includes(null) ? null : known.apply(...(values as number[]));
      },
    };
  }

  #nested(parse: () => Node): Node {
    if (++this.#depth > MAX_DEPTH) throw invalid(`is nested deeper than ${MAX_DEPTH}`);
    const node = parse();
    this.#depth--;
    return node;
  }

  #expect(symbol: string): void {
    const token = this.#next();
    if (token.type !== 'symbol' || token.text !== symbol) throw unexpected(token, `an operator (${OPERATORS}) or ${symbol}`);
  }

  #peek(): Token {
    return this.#tokens[this.#index] as Token;
  }

  #next(): Token {
    const token = this.#peek();
    if (token.type !== 'end') this.#index++;
    return token;
  }
}

function ifKnown(value: number | null, then: (value: number) => number | null): number | null {
  return value === null ? null : then(value);
}

/** A division by zero has no number: it may neither fire nor clear. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function expectKind(node: Node, kind: Kind, token: Token): Node {
  if (node.kind === kind) return node;
  const wanted = kind === 'number' ? 'numbers on both sides' : 'comparisons on both sides, such as value > 1';
  throw invalid(`at ${token.at}: "${token.text}" needs ${wanted}`);
}

function unexpected(token: Token, allowed: string): KeepwatchError {
  return invalid(`at ${token.at}: found ${token.type === 'end' ? 'the end' : `"${token.text}"`}; allowed: ${allowed}`);
}

function invalid(message: string): KeepwatchError {
  return new KeepwatchError('ERR_RULES_INVALID', message);
}

/** One wording for conditions and annotations. */
export function unknownColumn(name: string, columns: readonly string[]): string {
  return `there is no column "${name}"; the query gives: ${columns.length > 0 ? columns.join(', ') : 'none'}`;
}
