// Cuts SQL into tokens as Postgres' scanner does, as far as needed to tell code from literals, quoted names and comments. It judges nothing:
// what may run is decided on what Postgres' own grammar makes of the text.
import { KeepwatchError } from '../errors.ts';

/** A piece of SQL that is no white space. */
export interface SqlToken {
  /** `parameter` is `:name`; `deep_comment` nests more than 8 deep; `text` of a word is lower-case, of a quoted name or string its content; symbols come one character each. */
  readonly type: 'word' | 'quoted_name' | 'string' | 'number' | 'parameter' | 'cast' | 'symbol' | 'comment' | 'deep_comment';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const PATTERNS: readonly (readonly [SqlToken['type'] | 'skip', RegExp])[] = [
  ['skip', /\s+/y],
  ['comment', /--[^\n\r]*/y],
  ['string', /[eE]'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'|(?:[uU]&|[bBxXnN])?'[^']*(?:''[^']*)*'/y],
  ['quoted_name', /(?:[uU]&)?"[^"]*(?:""[^"]*)*"/y],
  ['string', /\$([A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$[\s\S]*?\$\1\$/y],
  ['number', /0[xXoObB][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y],
  ['word', /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y],
  ['cast', /::/y],
  ['parameter', /:[A-Za-z_][A-Za-z0-9_]*/y],
];
const MAX_COMMENT_DEPTH = 8;

/**
 * All tokens of `sql` but comments, in order.
 * @throws KeepwatchError ERR_RULES_INVALID with the line, for a literal, quoted name or comment that never ends
 */
export function tokenizeSql(sql: string): SqlToken[] {
  return tokenizeWithComments(sql).filter(({ type }) => type !== 'comment' && type !== 'deep_comment');
}

/** As `tokenizeSql`, with comments. */
export function tokenizeWithComments(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  for (let start = 0; start < sql.length; ) {
    const [type, end] = sql.startsWith('/*', start) ? endOfComment(sql, start) : matchAt(sql, start);
    if (type !== 'skip') tokens.push({ type, text: textOf(type, sql.slice(start, end)), start, end });
    start = end;
  }
  return tokens;
}

/** Line of an offset, counted from 1. */
export function lineAt(sql: string, offset: number): number {
  return sql.slice(0, offset).split('\n').length;
}

function matchAt(sql: string, start: number): [SqlToken['type'] | 'skip', number] {
  for (const [type, pattern] of PATTERNS) {
    pattern.lastIndex = start;
    if (pattern.test(sql)) return [type, pattern.lastIndex];
  }
  const char = sql[start];
  if (char === "'" || char === '"') throw unterminated(sql, start, char === "'" ? 'string' : 'quoted name');
  if (char === '$' && /^\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.test(sql.slice(start, start + 80))) {
    throw unterminated(sql, start, 'dollar-quoted string');
  }
  return ['symbol', start + 1];
}

function textOf(type: SqlToken['type'], raw: string): string {
  switch (type) {
    case 'word':
      return raw.toLowerCase();
    case 'quoted_name':
      return raw.slice(raw.indexOf('"') + 1, -1).replaceAll('""', '"');
    case 'string':
      return raw.startsWith('$') ? raw.slice(raw.indexOf('$', 1) + 1, raw.lastIndexOf('$', raw.length - 2)) : unquote(raw);
    case 'parameter':
      return raw.slice(1);
    default:
      return raw;
  }
}

function unquote(raw: string): string {
  return raw.slice(raw.indexOf("'") + 1, -1).replaceAll("''", "'");
}

/** Comments nest in Postgres. */
function endOfComment(sql: string, start: number): [SqlToken['type'], number] {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  let deepest = 0;
  for (let match = marks.exec(sql); match !== null; match = marks.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    deepest = Math.max(deepest, depth);
    if (depth === 0) return [deepest > MAX_COMMENT_DEPTH ? 'deep_comment' : 'comment', marks.lastIndex];
  }
  throw unterminated(sql, start, 'comment');
}

function unterminated(sql: string, start: number, what: string): KeepwatchError {
  return new KeepwatchError('ERR_RULES_INVALID', `line ${lineAt(sql, start)}: a ${what} begins here and never ends`);
}
