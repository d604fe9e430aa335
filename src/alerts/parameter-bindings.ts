// Which `$n::type` each `:name` of a query becomes, and what is bound to it for a slot. What can be worked out beforehand is: `:now - :window` is one
// moment, so that Postgres knows when it plans which partitions it needs; the list `:names::text[]` is bound as an array, not cut anew for each row.
import { parseDuration } from '../units.ts';
import type { SqlToken } from './sql-tokens.ts';

/** What a rule file gives for a parameter: a duration such as `5m`, any other text, a number, true or false. */
export type ParameterValue = string | number | boolean;

/** What is bound to a `$n`. */
export interface Binding {
  readonly name: string;
  /** Of `:now`: so many milliseconds later. */
  readonly shiftMs: number;
}

export interface BoundText {
  /** With `$1::type` in place of parameters. */
  readonly text: string;
  /** By number, from 1. */
  readonly bindings: readonly Binding[];
  /** Where in the text they stand, in bytes. */
  readonly placeholdersAt: ReadonlySet<number>;
}

/** Of the names of labels of an alert, in a context query. */
export const LABEL_PREFIX = 'label_';

type Params = Readonly<Record<string, ParameterValue>>;

/** A stretch of SQL that gives way to a `$n`. */
interface Placeholder {
  readonly binding: Binding;
  /** What stands behind the number. */
  readonly cast: string;
  /** Of the last token that it takes the place of. */
  readonly end: number;
}

/** More is left to Postgres: a Date holds it, and its text has a year of four digits. */
const MAX_SHIFT_MS = 100 * 366 * 86_400_000;
/** What may stand before and behind a sum: only what binds less than a plus. */
const BEFORE_SUM: ReadonlySet<string> = new Set(['(', ',', '<', '>', '=']);
const BEHIND_SUM: ReadonlySet<string> = new Set([')', ',', '<', '>', '=', '+', '-']);
const TIGHT_WORDS: ReadonlySet<string> = new Set(['at', 'zone', 'collate']);

/** Comments that nest deep go as spaces: Postgres' scanner takes the square of their length, before any timeout begins. */
export function bindNames(sql: string, tokens: readonly SqlToken[], params: Params): BoundText {
  const numbers = new Map<string, number>();
  const bindings: Binding[] = [];
  const placeholdersAt = new Set<number>();
  let text = '';
  let from = 0;
  for (const [at, { type, start, end }] of tokens.entries()) {
    if (start < from || (type !== 'parameter' && type !== 'deep_comment')) continue;
    text += sql.slice(from, start);
    from = end;
    if (type === 'deep_comment') {
      text += sql.slice(start, end).replace(/[^\n]/g, ' ');
      continue;
    }
    const placeholder = placeholderOf(sql, tokens, at, params);
    const { binding, cast } = placeholder;
    const key = `${binding.name} ${binding.shiftMs} ${cast}`;
    const number = numbers.get(key) ?? bindings.push(binding);
    numbers.set(key, number);
    placeholdersAt.add(Buffer.byteLength(text));
    text += `$${number}${cast.startsWith('::') ? cast : ''}`;
    from = placeholder.end;
  }
  return { text: text + sql.slice(from), bindings, placeholdersAt };
}

/** What to bind for a slot. @param labels of the alert, for a context query; one that is not there is empty */
export function toValue(
  { name, shiftMs }: Binding,
  params: Params,
  nowMs: number,
  labels: Readonly<Record<string, string>> = {},
): ParameterValue {
  if (name === 'now') return new Date(nowMs + shiftMs).toISOString();
  const value = params[name];
  if (value === undefined) return labels[name.slice(LABEL_PREFIX.length)] ?? '';
  if (typeof value !== 'string') return value;
  const ms = parseDuration(value);
  return ms === undefined ? value : `${ms} milliseconds`;
}

function placeholderOf(sql: string, tokens: readonly SqlToken[], at: number, params: Params): Placeholder {
  const { text: name, end } = tokens[at] as SqlToken;
  const type = typeOf(name, params[name]);
  const sum = name === 'now' ? sumOf(sql, tokens, at, params) : undefined;
  if (sum !== undefined) return { binding: { name, shiftMs: sum.shiftMs }, cast: '::timestamptz', end: sum.end };
  const binding = { name, shiftMs: 0 };
  const list = type === 'text' ? listTypeOf(tokens, at) : undefined;
  // The query says the type itself; a text of the same name is bound apart.
  return { binding, cast: list ?? `::${type}`, end };
}

/** `:now - :window`, in one line: its milliseconds, and where it ends. */
function sumOf(
  sql: string,
  tokens: readonly SqlToken[],
  at: number,
  params: Params,
): { shiftMs: number; end: number } | undefined {
  const [now, sign, shift] = tokens.slice(at, at + 3);
  if (now === undefined || sign === undefined || shift?.type !== 'parameter') return undefined;
  if (sign.text !== '-' && sign.text !== '+') return undefined;
  if (sql.slice(now.end, shift.start).trim() !== sign.text || sql.slice(now.end, shift.start).includes('\n')) return undefined;
  const value = params[shift.text];
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms === undefined || !Number.isInteger(ms) || ms > MAX_SHIFT_MS) return undefined;
  if (!isApart(tokens[at - 1], BEFORE_SUM) || !isApart(tokens[at + 3], BEHIND_SUM)) return undefined;
  return { shiftMs: sign.text === '-' ? -ms : ms, end: shift.end };
}

function isApart(token: SqlToken | undefined, signs: ReadonlySet<string>): boolean {
  if (token === undefined) return true;
  return token.type === 'word' ? !TIGHT_WORDS.has(token.text) : token.type === 'symbol' && signs.has(token.text);
}

/** `text[]` of `:names::text[]`. */
function listTypeOf(tokens: readonly SqlToken[], at: number): string | undefined {
  const [cast, word, open, close] = tokens.slice(at + 1, at + 5);
  const isList = cast?.type === 'cast' && word?.type === 'word' && open?.text === '[' && close?.text === ']';
  return isList && close.type === 'symbol' ? `${word.text}[]` : undefined;
}

function typeOf(name: string, value: ParameterValue | undefined): string {
  if (name === 'now') return 'timestamptz';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'bigint' : 'double precision';
  return parseDuration(value ?? '') === undefined ? 'text' : 'interval';
}
