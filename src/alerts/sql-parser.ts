// Postgres' own parser (libpg-query: the grammar of 17, in WASM). It says what a text is, and judges nothing. It is loaded once for the process,
// and only where there are rules: `loadSqlParser` before the first of them is read.
import type { PgQueryModule } from 'libpg-query/wasm/libpg-query.js';
import { KeepwatchError } from '../errors.ts';

/** A node of the parse tree, by the names of Postgres' parsenodes.h. */
export type SqlNode = { readonly [field: string]: unknown };

export interface ParsedSql {
  readonly statements: readonly {
    /** Such as `SelectStmt`. */
    readonly kind: string;
    readonly node: SqlNode;
    /** Where it ends, in bytes; undefined for the last one without a semicolon. */
    readonly end: number | undefined;
  }[];
}

/** Postgres' parser refuses the text, at a character counted from 0. */
export class SqlSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'SqlSyntaxError';
    this.offset = offset;
  }
}

/**
 * What overflows the stack of the parser leaves its memory in disorder: 34 such texts, and it refuses, or misreads, all others. So an instance
 * in which anything was thrown is given up, and the spare one takes its place.
 */
let current: PgQueryModule | undefined;
let spare: PgQueryModule | undefined;
let loading: Promise<void> | undefined;

/** Loads the parser, about 40 ms; further calls find it there. */
export function loadSqlParser(): Promise<void> {
  loading ??= createInstance().then((instance) => {
    current = instance;
    refill();
  });
  return loading;
}

/**
 * Parses a text of any number of statements.
 * @throws SqlSyntaxError where Postgres would refuse it; KeepwatchError ERR_RULES_INVALID when it is too much for the parser, or none is loaded
 */
export function parseSql(text: string): ParsedSql {
  const instance = current;
  if (instance === undefined)
    throw new KeepwatchError('ERR_RULES_INVALID', 'cannot be parsed yet: the parser is being loaded; try again');
  try {
    const tree = parseWith(instance, text);
    const statements = tree.stmts ?? [];
    return { statements: statements.map(({ stmt, stmt_location = 0, stmt_len }) => toStatement(stmt, stmt_location, stmt_len)) };
  } catch (error) {
    if (error instanceof SqlSyntaxError) throw error;
    current = spare;
    spare = undefined;
    refill();
    throw new KeepwatchError(
      'ERR_RULES_INVALID',
      'is too much for the parser of Postgres: it nests too deep, or takes too much memory',
      {
        cause: error,
      },
    );
  }
}

interface ParseResult {
  readonly stmts?: readonly { readonly stmt: SqlNode; readonly stmt_location?: number; readonly stmt_len?: number }[];
}

function toStatement(stmt: SqlNode, location: number, length: number | undefined): ParsedSql['statements'][number] {
  const [kind = '', node] = Object.entries(stmt)[0] ?? [];
  return { kind, node: node as SqlNode, end: length === undefined ? undefined : location + length };
}

async function createInstance(): Promise<PgQueryModule> {
  const { default: createModule } = await import('libpg-query/wasm/libpg-query.js');
  return createModule();
}

/** In the background; where it fails, the next text says that the parser is not there. */
function refill(): void {
  createInstance().then(
    (instance) => {
      if (current === undefined) {
        current = instance;
        refill();
      } else spare = instance;
    },
    () => {},
  );
}

/** The structs of pg_query.h: three pointers of the result, six members of an error, 4 bytes each. */
function parseWith(instance: PgQueryModule, text: string): ParseResult {
  const bytes = instance.lengthBytesUTF8(text) + 1;
  const address = instance._malloc(bytes);
  instance.stringToUTF8(text, address, bytes);
  const result = instance._wasm_parse_query_raw(address);
  const at = (pointer: number, member: number) => instance.getValue(pointer + 4 * member, 'i32');
  const error = at(result, 2);
  const outcome =
    error === 0
      ? (JSON.parse(instance.UTF8ToString(at(result, 0))) as ParseResult)
      : new SqlSyntaxError(instance.UTF8ToString(at(error, 0)), Math.max(0, at(error, 4) - 1));
  instance._free(address);
  instance._wasm_free_parse_result(result);
  if (outcome instanceof SqlSyntaxError) throw outcome;
  return outcome;
}
