// fire_when and clear_when: a small language over the numbers of a row. Parsed when the rule is loaded, evaluated per row; what is unknown
// neither fires nor clears (condition-tree.ts).
import { KeepwatchError } from '../errors.ts';
import { type Token, tokenizeCondition } from './condition-tokens.ts';
import {
  ARITHMETIC,
  COMPARISONS,
  compileTree,
  FUNCTIONS,
  isTruth,
  type NumberRow,
  type NumberTree,
  type TruthTree,
} from './condition-tree.ts';

export type { NumberRow } from './condition-tree.ts';

/** A parsed condition. */
export interface Condition {
  readonly text: string;
  /** What it says, for whoever reasons about it. */
  readonly tree: TruthTree;
  /** Every column that it reads, once. */
  readonly columns: readonly string[];
  /**
   * Whether it is true for the row; undefined when that cannot be known.
   * @throws KeepwatchError ERR_RULES_INVALID naming the columns there are, when one is not there
   */
  evaluate(row: NumberRow): boolean | undefined;
}

type Tree = NumberTree | TruthTree;

const MAX_LENGTH = 4000;
const MAX_DEPTH = 100;
const OPERATORS = [...Object.keys(COMPARISONS), ...Object.keys(ARITHMETIC)].join(' ');
const OPERAND = `a number, a column, ${Object.keys(FUNCTIONS).join(', ')}, not, - or (`;

/**
 * Parses a condition such as `value > 0.10 and events >= 50`.
 * Operators, loosest first: `or`, `and`, `not`, comparisons (`> >= < <= = !=`), `+ -`, `* /`, unary `-`; functions abs, min, max.
 * @throws KeepwatchError ERR_RULES_INVALID with the position (from 1), what was found there, and what is allowed
 */
export function parseCondition(text: string): Condition {
  const parser = new Parser(text);
  return toCondition(text, parser.parse(), parser.columns);
}

/** True where one of them is: what a rule with steps fires on. At least one is given. */
export function anyOf(conditions: readonly Condition[]): Condition {
  const tree = conditions.map((condition) => condition.tree).reduce((left, right) => ({ kind: 'or', left, right }));
  const text = conditions.length === 1 ? conditions[0]?.text : conditions.map((condition) => `(${condition.text})`).join(' or ');
  return toCondition(text ?? '', tree, new Set(conditions.flatMap(({ columns }) => columns)));
}

function toCondition(text: string, tree: TruthTree, columns: ReadonlySet<string>): Condition {
  const evaluate = compileTree(tree);
  return {
    text,
    tree,
    columns: [...columns],
    evaluate(row) {
      const truth = evaluate(row);
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

  parse(): TruthTree {
    const tree = this.#or();
    const token = this.#peek();
    if (token.type !== 'end') throw unexpected(token, isTruth(tree) ? 'and, or, the end' : OPERATORS);
    if (!isTruth(tree)) throw invalid('is a number; allowed: something that is true or false, such as value > 1');
    return tree;
  }

  #or(): Tree {
    return this.#logic('or', () => this.#logic('and', () => this.#not()));
  }

  #logic(kind: 'and' | 'or', operand: () => Tree): Tree {
    let left = operand();
    while (this.#peek().type === 'word' && this.#peek().text.toLowerCase() === kind) {
      const token = this.#next();
      left = { kind, left: asTruth(left, token), right: asTruth(operand(), token) };
    }
    return left;
  }

  #not(): Tree {
    const token = this.#peek();
    if (token.type !== 'word' || token.text.toLowerCase() !== 'not') return this.#comparison();
    this.#next();
    const operand = this.#nested(() => this.#not());
    return { kind: 'not', operand: asTruth(operand, token) };
  }

  #comparison(): Tree {
    const left = this.#sum();
    const token = this.#peek();
    if (token.type !== 'symbol' || COMPARISONS[token.text] === undefined) return left;
    this.#next();
    return { kind: 'comparison', operator: token.text, left: asNumber(left, token), right: asNumber(this.#sum(), token) };
  }

  #sum(): Tree {
    return this.#arithmetic(['+', '-'], () => this.#arithmetic(['*', '/'], () => this.#unary()));
  }

  #arithmetic(symbols: readonly string[], operand: () => Tree): Tree {
    let left = operand();
    for (let token = this.#peek(); token.type === 'symbol' && symbols.includes(token.text); token = this.#peek()) {
      this.#next();
      left = { kind: 'arithmetic', operator: token.text, left: asNumber(left, token), right: asNumber(operand(), token) };
    }
    return left;
  }

  #unary(): Tree {
    const token = this.#peek();
    if (token.type !== 'symbol' || token.text !== '-') return this.#primary();
    this.#next();
    const operand = this.#nested(() => this.#unary());
    return { kind: 'negate', operand: asNumber(operand, token) };
  }

  #primary(): Tree {
    const token = this.#next();
    if (token.type === 'number') return { kind: 'number', value: Number(token.text) };
    if (token.type === 'symbol' && token.text === '(') {
      const tree = this.#nested(() => this.#or());
      this.#expect(')');
      return tree;
    }
    if (token.type !== 'word' || ['and', 'or', 'not'].includes(token.text.toLowerCase())) throw unexpected(token, OPERAND);
    if (this.#peek().text === '(') return this.#call(token);
    this.columns.add(token.text);
    return { kind: 'column', name: token.text };
  }

  #call(name: Token): NumberTree {
    const known = Object.hasOwn(FUNCTIONS, name.text) ? FUNCTIONS[name.text] : undefined;
    if (known === undefined) throw unexpected(name, `the functions ${Object.keys(FUNCTIONS).join(', ')}`);
    this.#expect('(');
    const operands: NumberTree[] = [];
    do {
      const operand = this.#nested(() => this.#sum());
      operands.push(asNumber(operand, name));
    } while (this.#peek().text === ',' && this.#next());
    this.#expect(')');
    const [least, most] = known.arity;
    if (operands.length < least || operands.length > most) {
      const allowed = least === most ? String(least) : `${least} to ${most}`;
      throw invalid(`at ${name.at}: ${name.text} got ${operands.length} operands; allowed: ${allowed}`);
    }
    return { kind: 'call', name: name.text, operands };
  }

  #nested(parse: () => Tree): Tree {
    if (++this.#depth > MAX_DEPTH) throw invalid(`is nested deeper than ${MAX_DEPTH}`);
    const tree = parse();
    this.#depth--;
    return tree;
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

function asNumber(tree: Tree, token: Token): NumberTree {
  if (!isTruth(tree)) return tree;
  throw invalid(`at ${token.at}: "${token.text}" needs numbers on both sides`);
}

function asTruth(tree: Tree, token: Token): TruthTree {
  if (isTruth(tree)) return tree;
  throw invalid(`at ${token.at}: "${token.text}" needs comparisons on both sides, such as value > 1`);
}

function unexpected(token: Token, allowed: string): KeepwatchError {
  return invalid(`at ${token.at}: found ${token.type === 'end' ? 'the end' : `"${token.text}"`}; allowed: ${allowed}`);
}

function invalid(message: string): KeepwatchError {
  return new KeepwatchError('ERR_RULES_INVALID', message);
}
