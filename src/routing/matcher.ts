// Matchers of labels, written and meant as Alertmanager's: `severity="page"`, `team=~"db|search"`, `env!=dev`. A label that is not there is
// empty. Regular expressions are those of RE2, anchored on both sides; their matching takes linear time, whatever people write.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#matcher
import { RE2JS } from 're2js';
import { describeError } from '../errors.ts';

export type Labels = Readonly<Record<string, string>>;

export const MATCH_OPERATORS = ['=', '!=', '=~', '!~'] as const;
export type MatchOperator = (typeof MATCH_OPERATORS)[number];

/** One condition on one label. */
export interface Matcher {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  /** @param value of the label; empty when it is not there */
  matches(value: string): boolean;
}

/** Why a text is no list of matchers. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError';
}

const MAX_LENGTH = 4096;
/** What ends a name or value that is not quoted. */
const RESERVED = /[{}!=~,"'`\\\s]/u;
const SPACES = /\s*/uy;

/**
 * Reads `name="value"`, or several in braces or with commas between them.
 * @throws MatcherError that says what was expected where
 */
export function parseMatchers(text: string): Matcher[] {
  if (text.length > MAX_LENGTH) throw new MatcherError(`longer than ${MAX_LENGTH} characters`);
  const reader = new Reader(text);
  const isBraced = reader.take('{');
  const matchers: Matcher[] = [];
  const atEnd = () => (isBraced ? reader.peek() === '}' : reader.peek() === '');
  while (!atEnd()) {
    const name = reader.word('a label name');
    const operator = reader.operator();
    matchers.push(createMatcher(name, operator, reader.word('a value')));
    if (!reader.take(',') && !atEnd()) throw reader.error(isBraced ? '"," or "}"' : '"," or the end');
  }
  if (isBraced && !reader.take('}')) throw reader.error('"}"');
  if (reader.peek() !== '') throw reader.error('the end');
  if (matchers.length === 0 && !isBraced) throw reader.error('a label name');
  return matchers;
}

/** @throws MatcherError when the value is no regular expression, and has to be one */
export function createMatcher(name: string, operator: MatchOperator, value: string): Matcher {
  if (name === '') throw new MatcherError('a label name is empty');
  const isNegative = operator.startsWith('!');
  if (operator === '=' || operator === '!=') {
    return { name, operator, value, matches: (given) => (given === value) !== isNegative };
  }
  const expression = compile(name, value);
  return { name, operator, value, matches: (given) => expression.matches(given) !== isNegative };
}

function compile(name: string, value: string): RE2JS {
  try {
    return RE2JS.compile(value);
  } catch (cause) {
    throw new MatcherError(`${name}: ${JSON.stringify(value)} is no regular expression of RE2: ${describeError(cause)}`, {
      cause,
    });
  }
}

/** Whether labels fulfil all of them. */
export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((matcher) => matcher.matches(labelOf(labels, matcher.name)));
}

/** Empty when it is not there. */
export function labelOf(labels: Labels, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? '') : '';
}

/** `{a="b",c=~"d"}`: as Alertmanager writes them, in its order: by operator, name and value. */
export function formatMatchers(matchers: readonly Matcher[]): string {
  const rank = ({ operator, name, value }: Matcher) => [MATCH_OPERATORS.indexOf(operator), name, value];
  const sorted = [...matchers].sort((a, b) => compareRanks(rank(a), rank(b)));
  return `{${sorted.map(({ name, operator, value }) => `${formatName(name)}${operator}${JSON.stringify(value)}`).join(',')}}`;
}

function compareRanks(some: readonly (string | number)[], others: readonly (string | number)[]): number {
  const index = some.findIndex((part, at) => part !== others[at]);
  return index === -1 ? 0 : (some[index] ?? 0) < (others[index] ?? 0) ? -1 : 1;
}

function formatName(name: string): string {
  return RESERVED.test(name) ? JSON.stringify(name) : name;
}

/** Reads one text from left to right; white space between tokens means nothing. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next character; empty at the end. */
  peek(): string {
    SPACES.lastIndex = this.#at;
    SPACES.test(this.#text);
    this.#at = SPACES.lastIndex;
    return this.#text.charAt(this.#at);
  }

  take(token: string): boolean {
    this.peek();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  operator(): MatchOperator {
    const longestFirst = [...MATCH_OPERATORS].sort((a, b) => b.length - a.length);
    const operator = longestFirst.find((candidate) => this.take(candidate));
    if (operator === undefined) throw this.error(MATCH_OPERATORS.join(', '));
    return operator;
  }

  /** Quoted, or without anything that has a meaning. */
  word(what: string): string {
    if (this.peek() === '"') return this.#quoted();
    const begin = this.#at;
    while (this.#at < this.#text.length && !RESERVED.test(this.#text.charAt(this.#at))) this.#at++;
    if (this.#at === begin) throw this.error(what);
    return this.#text.slice(begin, this.#at);
  }

  #quoted(): string {
    const quoted = /"(?:[^"\\\n]|\\.)*"/uy;
    quoted.lastIndex = this.#at;
    const [found] = quoted.exec(this.#text) ?? [];
    if (found === undefined) throw this.error('a closing quote');
    this.#at += found.length;
    return unquote(found);
  }

  error(expected: string): MatcherError {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    const found = rest === '' ? 'the end' : JSON.stringify(rest);
    return new MatcherError(`expected ${expected} at character ${this.#at + 1}, found ${found}`);
  }
}

/** What a backslash stands for, as in Go. */
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' };

/** @throws MatcherError on an escape that there is not: `\d` of a regular expression is written `\\d` between quotes */
function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/gu, (written, code: string) => {
    const known = ESCAPES[code];
    if (known !== undefined) return known;
    if (code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    throw new MatcherError(`${written} is no escape; write \\${written} for a backslash`);
  });
}
