// Turns `:name` in the query of a rule into a bound `$n::type`; values are never spliced into SQL. What comes of it is parsed with the grammar of
// Postgres and judged by sql-check.ts: layer one. The other wall, the role of the connection, holds without this one.
import { KeepwatchError } from '../errors.ts';
import { isStorableText } from '../storable-text.ts';
import { type ClockTextOptions, findClockTexts } from './clock-text.ts';
import { bindNames, LABEL_PREFIX, type ParameterValue, toValue } from './parameter-bindings.ts';
import { checkSelect, type SqlCheckOptions } from './sql-check.ts';
import { clockWordIn } from './sql-meanings.ts';
import { parseSql, SqlSyntaxError } from './sql-parser.ts';
import { lineAt, type SqlToken, tokenizeWithComments } from './sql-tokens.ts';

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

/** The longest query: comments nested 400 kB deep outlast statement_timeout, as the time goes before execution. */
export const MAX_QUERY_BYTES = 64 * 1024;

/** More make trees so deep that the parser's stack is at risk: it holds more than 6,000 levels, and a token makes one at most. */
const MAX_TOKENS = 4000;

/**
 * Compiles the query of a rule. `loadSqlParser` has to have been awaited.
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
  if (!isStorableText(query)) throw invalid(['holds NUL or half of a surrogate pair, which Postgres cannot read']);
  const { sql, tokens } = withoutLastSemicolon(query, tokenizeWithComments(query));
  if (tokens.length > MAX_TOKENS) throw invalid([`has ${tokens.length} words and signs; allowed: ${MAX_TOKENS}`]);
  const { text, bindings, placeholdersAt } = bindNames(sql, tokens, params);
  const clockParameters = new Set(
    bindings.flatMap(({ name }, index) => (clockWordIn(String(params[name] ?? '')) === undefined ? [] : [index + 1])),
  );
  const checks = { parametersAt: placeholdersAt, clockParameters };
  const problems = [...findProblems(text, checks), ...findParameterProblems(sql, tokens, params, hasLabels)];
  if (problems.length > 0) throw invalid(problems);
  return { text, values: (nowMs, labels) => bindings.map((binding) => toValue(binding, params, nowMs, labels)) };
}

function withoutLastSemicolon(query: string, tokens: SqlToken[]): { sql: string; tokens: readonly SqlToken[] } {
  const last = tokens.findLastIndex(({ type }) => type !== 'comment' && type !== 'deep_comment');
  const token = tokens[last];
  if (token === undefined) throw invalid(['is empty; allowed: one SELECT']);
  if (token.type !== 'symbol' || token.text !== ';') return { sql: query, tokens };
  return { sql: query.slice(0, token.start), tokens: tokens.slice(0, last) };
}

/** Layer one, on the very text that is sent. Its lines are those of the query. */
function findProblems(text: string, checks: SqlCheckOptions & ClockTextOptions): string[] {
  const bytes = Buffer.from(text);
  const lineOfByte = (at: number) => lineAt(bytes.toString('utf8', 0, at), at);
  try {
    const { statements } = parseSql(text);
    const [first, second] = statements;
    if (first === undefined) return ['is empty; allowed: one SELECT'];
    if (second !== undefined) return [`line ${lineOfByte(first.end ?? 0)}: found ";"; allowed: one statement`];
    if (first.kind !== 'SelectStmt') return [`is ${first.kind}, and has to begin with select or with`];
    const found = checkSelect(first.node, checks);
    const problems = found.length > 0 ? found : findClockTexts(first.node, checks);
    return problems.map(({ at, message }) => `line ${lineOfByte(at)}: ${message}`);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    return [`line ${lineOfCharacter(text, error.offset)}: ${error.message}`];
  }
}

/** Postgres counts characters, JavaScript halves of them. */
function lineOfCharacter(text: string, offset: number): number {
  return lineAt(Array.from(text).slice(0, offset).join(''), text.length);
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
    const name = token.text;
    if (token.type !== 'parameter' || used.has(name)) continue;
    used.add(name);
    if (declared.includes(name) || (hasLabels && name.startsWith(LABEL_PREFIX))) continue;
    const allowed = [...declared, ...(hasLabels ? [`${LABEL_PREFIX}<name>`] : [])].map((one) => `:${one}`).join(', ');
    problems.push(`line ${lineAt(sql, token.start)}: the parameter ":${name}" is not declared in params; allowed: ${allowed}`);
  }
  for (const name of Object.keys(params)) {
    if (name !== 'now' && !used.has(name) && !hasLabels)
      problems.push(`the parameter "${name}" is declared, but the query has no :${name}`);
  }
  return problems;
}

function invalid(problems: readonly string[]): KeepwatchError {
  return new KeepwatchError('ERR_RULES_INVALID', problems.join('\n'));
}
