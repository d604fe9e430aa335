// Turns `:name` in the query of a rule into a bound `$n::type`. Values are never spliced into SQL. Also refuses what would make the same slot
// give another answer at another time: the wall clock and chance. The first layer only: the role of the connection is the wall that holds.
import { KeepwatchError } from '../errors.ts';
import { parseDuration } from '../units.ts';
import { lineAt, type SqlToken, tokenizeSql } from './sql-tokens.ts';

/** What a rule file gives for a parameter: a duration such as `5m`, any other text, a number, true or false. */
export type ParameterValue = string | number | boolean;

/** A query ready to be sent. */
export interface CompiledQuery {
  /** One statement with `$1::type` in place of parameters; lines are those of the original. */
  readonly text: string;
  /** The values to bind for a slot: what `:now` is, and, for a context query, the labels of the alert (one that is not there is empty). */
  values(nowMs: number, labels?: Readonly<Record<string, string>>): (string | number | boolean)[];
}

export interface CompileOptions {
  /** True for a context query: `:label_<name>` is the text of a label of the alert. Default false. */
  readonly hasLabels?: boolean;
}

const LABEL_PREFIX = 'label_';

/** The longest query: comments nested 400 kB deep outlast statement_timeout, as the time goes before execution. */
export const MAX_QUERY_BYTES = 64 * 1024;

const CLOCK_FUNCTIONS = new Set(['now', 'clock_timestamp', 'statement_timestamp', 'transaction_timestamp', 'timeofday', 'age']);
const CLOCK_WORDS = new Set(['current_timestamp', 'current_date', 'current_time', 'localtime', 'localtimestamp']);
const CLOCK_LITERALS = new Set(['now', 'today', 'tomorrow', 'yesterday']);
const TIME_TYPES = new Set(['timestamptz', 'timestamp', 'date', 'time', 'timetz']);
const CHANCE_FUNCTIONS = new Set(['random', 'random_normal', 'gen_random_uuid', 'setseed']);

/**
 * Compiles the query of a rule.
 * @param params the declared parameters; `:now` is always there
 * @throws KeepwatchError ERR_RULES_INVALID: the lines of everything that is wrong, with what is allowed
 */
export function compileQuery(
  query: string,
  params: Readonly<Record<string, ParameterValue>>,
  { hasLabels = false }: CompileOptions = {},
): CompiledQuery {
  const bytes = Buffer.byteLength(query);
  if (bytes > MAX_QUERY_BYTES) throw invalid([`is ${bytes} bytes long; allowed: ${MAX_QUERY_BYTES}`]);
  const { sql, tokens } = withoutLastSemicolon(query, tokenizeSql(query));
  const problems = [...findProblems(sql, tokens), ...findParameterProblems(sql, tokens, params, hasLabels)];
  if (problems.length > 0) throw invalid(problems);
  const order: string[] = [];
  let text = '';
  let from = 0;
  for (const token of tokens) {
    if (token.type !== 'parameter') continue;
    if (!order.includes(token.text)) order.push(token.text);
    text += `${sql.slice(from, token.start)}$${order.indexOf(token.text) + 1}::${typeOf(token.text, params[token.text])}`;
    from = token.end;
  }
  text += sql.slice(from);
  return { text, values: (nowMs, labels) => order.map((name) => bindingOf(name, params[name], nowMs, labels)) };
}

function withoutLastSemicolon(query: string, tokens: SqlToken[]): { sql: string; tokens: readonly SqlToken[] } {
  const last = tokens.at(-1);
  if (last === undefined) throw invalid(['is empty; allowed: one SELECT']);
  if (last.type !== 'symbol' || last.text !== ';') return { sql: query, tokens };
  return { sql: query.slice(0, last.start), tokens: tokens.slice(0, -1) };
}

function findProblems(sql: string, tokens: readonly SqlToken[]): string[] {
  const problems: string[] = [];
  const say = (token: SqlToken, message: string) => problems.push(`line ${lineAt(sql, token.start)}: ${message}`);
  const first = tokens.find((token) => token.text !== '(');
  if (first === undefined || !['select', 'with', 'values'].includes(first.text))
    problems.push('has to begin with select or with');
  for (const [index, token] of tokens.entries()) {
    const isCall = (token.type === 'word' || token.type === 'quoted_name') && tokens[index + 1]?.text === '(';
    if (token.type === 'symbol' && token.text === ';') say(token, 'found ";"; allowed: one statement');
    else if (token.type === 'symbol' && token.text === '$') say(token, 'found "$"; allowed: parameters by name, such as :window');
    else if (isCall && CHANCE_FUNCTIONS.has(token.text))
      say(token, `${token.text}() gives another answer each time; allowed: fixed values`);
    else if (readsClock(tokens, index, isCall))
      say(token, `${token.text}${isCall ? '()' : ''} reads the wall clock; allowed: :now`);
  }
  return problems;
}

function readsClock(tokens: readonly SqlToken[], index: number, isCall: boolean): boolean {
  const token = tokens[index] as SqlToken;
  if (isCall && CLOCK_FUNCTIONS.has(token.text)) return token.text !== 'age' || !hasSecondArgument(tokens, index + 1);
  if (token.type === 'word' && CLOCK_WORDS.has(token.text)) return tokens[index - 1]?.text !== '.';
  if (token.type !== 'string' || !CLOCK_LITERALS.has(token.text.trim().toLowerCase())) return false;
  const [previous, next, type] = [tokens[index - 1], tokens[index + 1], tokens[index + 2]];
  const isCast = (next?.type === 'cast' || next?.text === 'as') && type !== undefined && TIME_TYPES.has(type.text);
  return isCast || (previous?.type === 'word' && TIME_TYPES.has(previous.text));
}

/** `age(a, b)` subtracts; `age(a)` reads the clock. */
function hasSecondArgument(tokens: readonly SqlToken[], open: number): boolean {
  let depth = 0;
  for (const token of tokens.slice(open)) {
    if (token.type !== 'symbol') continue;
    if (token.text === '(') depth++;
    else if (token.text === ')' && --depth === 0) return false;
    else if (token.text === ',' && depth === 1) return true;
  }
  return false;
}

function findParameterProblems(
  sql: string,
  tokens: readonly SqlToken[],
  params: Readonly<Record<string, ParameterValue>>,
  hasLabels: boolean,
): string[] {
  const declared = ['now', ...Object.keys(params)];
  const used = new Set<string>();
  const problems: string[] = [];
  if ('now' in params) problems.push('the parameter "now" is given by Keepwatch; allowed: another name');
  for (const token of tokens) {
    if (token.type !== 'parameter' || used.has(token.text)) continue;
    used.add(token.text);
    if (declared.includes(token.text) || (hasLabels && token.text.startsWith(LABEL_PREFIX))) continue;
    const allowed = [...declared, ...(hasLabels ? [`${LABEL_PREFIX}<name>`] : [])].map((name) => `:${name}`).join(', ');
    problems.push(
      `line ${lineAt(sql, token.start)}: the parameter ":${token.text}" is not declared in params; allowed: ${allowed}`,
    );
  }
  for (const name of Object.keys(params)) {
    if (name !== 'now' && !used.has(name) && !hasLabels)
      problems.push(`the parameter "${name}" is declared, but the query has no :${name}`);
  }
  return problems;
}

function typeOf(name: string, value: ParameterValue | undefined): string {
  if (name === 'now') return 'timestamptz';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'bigint' : 'double precision';
  return parseDuration(value ?? '') === undefined ? 'text' : 'interval';
}

function bindingOf(
  name: string,
  value: ParameterValue | undefined,
  nowMs: number,
  labels: Readonly<Record<string, string>> = {},
): string | number | boolean {
  if (name === 'now') return new Date(nowMs).toISOString();
  if (value === undefined) return labels[name.slice(LABEL_PREFIX.length)] ?? '';
  if (typeof value !== 'string') return value;
  const ms = parseDuration(value);
  return ms === undefined ? value : `${ms} milliseconds`;
}

function invalid(problems: readonly string[]): KeepwatchError {
  return new KeepwatchError('ERR_RULES_INVALID', problems.join('\n'));
}
