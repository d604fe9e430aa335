// Judges the parse tree of a rule's query: layer one of two (layer two is the role keepwatch_rules). One SELECT at every node, and only
// relations, functions, operators and types that sql-allowed.ts lists. What it does not know it refuses, nodes and members of nodes alike.
import {
  ALLOWED_FUNCTIONS,
  ALLOWED_KEEPWATCH_FUNCTIONS,
  ALLOWED_TYPES,
  CHANCE_FUNCTIONS,
  CLOCK_FUNCTIONS,
  CLOCK_UNLESS_TO_TIME,
  PUBLISHED_RELATIONS,
  ROW_FUNCTIONS,
} from './sql-allowed.ts';
import { cteScope, isVisible, listOf, nameOf, type Scope, scopeOf, stringsOf } from './sql-nodes.ts';
import type { SqlNode } from './sql-parser.ts';

/** What is wrong, and where: in bytes of the text. */
export interface SqlProblem {
  readonly at: number;
  readonly message: string;
}

export interface SqlCheckOptions {
  /** Where a parameter may stand, in bytes: those that were bound by name. */
  readonly parametersAt: ReadonlySet<number>;
}

interface Visit {
  readonly kind: string;
  readonly node: SqlNode;
  readonly at: number;
  readonly depth: number;
  readonly scope: Scope | undefined;
}

/** Deeper ones end in Postgres' own stack, or in nobody's understanding. */
const MAX_DEPTH = 400;
const MAX_PROBLEMS = 20;
/** Members that hold a node without saying its kind. */
const BARE_MEMBERS: Readonly<Record<string, string>> = {
  larg: 'SelectStmt',
  rarg: 'SelectStmt',
  withClause: 'WithClause',
  intoClause: 'IntoClause',
  typeName: 'TypeName',
  over: 'WindowDef',
  alias: 'Alias',
  join_using_alias: 'Alias',
  search_clause: 'CTESearchClause',
  cycle_clause: 'CTECycleClause',
};
/** Nodes that need no look at themselves, only at what they hold. */
const PLAIN_NODES: ReadonlySet<string> = new Set(
  `SelectStmt ResTarget A_Star String Integer BoolExpr NullTest BooleanTest CaseExpr CaseWhen CoalesceExpr MinMaxExpr A_ArrayExpr A_Indices
  RowExpr WindowDef GroupingSet GroupingFunc RangeSubselect JoinExpr Alias List WithClause CommonTableExpr CollateClause NamedArgExpr
  ColumnDef A_Const TypeCast`.split(/\s+/),
);
const NAMES: Readonly<Record<string, string>> = {
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
  IntoClause: 'INTO',
  LockingClause: 'a lock of rows (FOR UPDATE, FOR SHARE)',
  RangeTableSample: 'TABLESAMPLE',
  RangeTableFunc: 'XMLTABLE',
  CTESearchClause: 'SEARCH',
  CTECycleClause: 'CYCLE',
};

/** Looks at every node of a SELECT. @returns what is wrong, in the order of the text; at most 20 */
export function checkSelect(select: SqlNode, options: SqlCheckOptions): SqlProblem[] {
  return new SelectCheck(options).run(select);
}

class SelectCheck {
  readonly #problems: SqlProblem[] = [];
  readonly #options: SqlCheckOptions;
  readonly #todo: Visit[] = [];
  /** Aliases of functions in FROM, and the columns that are theirs for sure: anything else behind the point may be a call. */
  readonly #functionColumns = new Map<string, Set<string>>();
  readonly #qualified: { readonly relation: string; readonly column: string; readonly at: number }[] = [];

  constructor(options: SqlCheckOptions) {
    this.#options = options;
  }

  run(select: SqlNode): SqlProblem[] {
    this.#todo.push({ kind: 'SelectStmt', node: select, at: 0, depth: 0, scope: undefined });
    for (let visit = this.#todo.pop(); visit !== undefined && this.#problems.length < MAX_PROBLEMS; visit = this.#todo.pop())
      this.#visit(visit);
    for (const { relation, column, at } of this.#qualified) {
      if (this.#functionColumns.get(relation)?.has(column) !== false) continue;
      this.#say(
        at,
        `"${relation}.${column}" may call a function; allowed: name the columns of a function in FROM: as ${relation} (…, ${column})`,
      );
    }
    return this.#problems.sort((one, other) => one.at - other.at);
  }

  #visit(visit: Visit): void {
    const { kind, node, at, depth } = visit;
    if (depth > MAX_DEPTH) {
      this.#say(at, `nests deeper than ${MAX_DEPTH} levels`);
      this.#todo.length = 0;
      return;
    }
    const judged = this.#judge(kind, node, at, visit.scope);
    if (!judged) return;
    const inner = scopeOf(node, visit.scope);
    for (const [member, value] of Object.entries(node)) this.#descend(visit, member, value, inner);
  }

  /** @returns whether to go on with what the node holds */
  #judge(kind: string, node: SqlNode, at: number, scope: Scope | undefined): boolean {
    switch (kind) {
      case 'FuncCall':
        this.#checkFunction(node, at);
        return true;
      case 'RangeVar':
        this.#checkRelation(node, at, scope);
        return true;
      case 'RangeFunction':
        this.#noteFunction(node, at);
        return true;
      case 'ColumnRef':
        this.#noteColumn(node, at);
        return false;
      case 'A_Indirection':
        this.#checkIndirection(node, at);
        return true;
      case 'TypeName':
        this.#checkType(node, at);
        return true;
      case 'A_Expr':
        this.#checkOperator(node['name'], at);
        return true;
      case 'SubLink':
        if (node['operName'] !== undefined) this.#checkOperator(node['operName'], at);
        return true;
      case 'SortBy':
        if (node['useOp'] !== undefined) this.#say(at, 'ORDER BY … USING is not allowed; allowed: asc, desc');
        return true;
      case 'ParamRef':
        if (!this.#options.parametersAt.has(at)) this.#say(at, 'found "$"; allowed: parameters by name, such as :window');
        return false;
      case 'SQLValueFunction':
        this.#checkValueFunction(String(node['op']), at);
        return false;
      default:
        if (kind === 'RangeTableSample') this.#say(at, 'TABLESAMPLE gives another answer each time; allowed: fixed values');
        else if (!PLAIN_NODES.has(kind)) this.#say(at, `${NAMES[kind] ?? kind} is not allowed; allowed: SELECT, at every place`);
        return PLAIN_NODES.has(kind) && kind !== 'A_Const';
    }
  }

  #descend(from: Visit, member: string, value: unknown, scope: Scope | undefined): void {
    if (typeof value !== 'object' || value === null) return;
    const items = Array.isArray(value) ? value : [value];
    for (const [index, item] of items.entries()) {
      const entries = Object.entries(item as SqlNode);
      const [kind, node] = entries[0] ?? [];
      if (kind === undefined) continue;
      const isTagged = entries.length === 1 && /^[A-Z]/.test(kind);
      const bare = BARE_MEMBERS[member];
      if (isTagged) this.#push(kind, node as SqlNode, from, member === 'ctes' ? cteScope(from.node, from.scope, index) : scope);
      else if (bare !== undefined) this.#push(bare, item as SqlNode, from, scope);
      else this.#say(from.at, `${from.kind}.${member} is not allowed; allowed: SELECT, at every place`);
    }
  }

  #push(kind: string, node: SqlNode, { at, depth }: Visit, scope: Scope | undefined): void {
    const location = node['location'];
    const isLocated = typeof location === 'number' && location >= 0;
    this.#todo.push({ kind, node, at: isLocated ? location : at, depth: depth + 1, scope });
  }

  #checkFunction(node: SqlNode, at: number): void {
    const { schema, name } = nameOf(node['funcname']);
    const inKeepwatch = schema !== 'pg_catalog' && ALLOWED_KEEPWATCH_FUNCTIONS.has(name);
    const inPostgres = schema !== 'keepwatch' && ALLOWED_FUNCTIONS.has(name);
    const args = listOf(node['args']);
    if (schema !== undefined && schema !== 'pg_catalog' && schema !== 'keepwatch')
      this.#say(
        at,
        `the function ${schema}.${name}() is not allowed; allowed: functions of Postgres and of the schema keepwatch`,
      );
    else if (CHANCE_FUNCTIONS.has(name)) this.#say(at, `${name}() gives another answer each time; allowed: fixed values`);
    else if (CLOCK_FUNCTIONS.has(name) || (name === 'age' && args.length === 1)) this.#sayClock(at, `${name}()`);
    else if (!inKeepwatch && !inPostgres)
      this.#say(at, `the function ${name}() is not allowed; allowed: those that docs/security.md lists, which only compute`);
    else if (inKeepwatch && name in CLOCK_UNLESS_TO_TIME && !hasToTime(name, args))
      this.#say(at, `keepwatch.${name}() reads the wall clock without to_time; allowed: keepwatch.${name}(…, to_time => :now)`);
  }

  #checkRelation(node: SqlNode, at: number, scope: Scope | undefined): void {
    const name = String(node['relname']);
    const schema = node['schemaname'];
    if (schema === undefined && isVisible(scope, name)) return;
    const isPublished = PUBLISHED_RELATIONS.includes(name) && node['catalogname'] === undefined;
    if (isPublished && (schema === undefined || schema === 'keepwatch')) return;
    const shown = schema === undefined ? name : `${schema as string}.${name}`;
    this.#say(
      at,
      `the relation ${shown} is not published; allowed: ${PUBLISHED_RELATIONS.map((one) => `keepwatch.${one}`).join(', ')}`,
    );
  }

  /** `as n`: `n.f` would call `f(n)` where n is a scalar. Functions of the schema keepwatch that give rows have no such columns. */
  #noteFunction(node: SqlNode, at: number): void {
    const alias = node['alias'] as { aliasname?: string; colnames?: unknown } | undefined;
    const items = listOf(node['functions']).map((list) => listOf((list['List'] as SqlNode | undefined)?.['items'])[0]);
    const names = items.map((item) => nameOf((item?.['FuncCall'] as SqlNode | undefined)?.['funcname']).name);
    if (names.includes('')) this.#say(at, 'FROM holds an expression; allowed: relations, subqueries and calls of functions');
    if (names.length === 1 && ROW_FUNCTIONS.has(names[0] ?? '')) return;
    const definitions = listOf(node['coldeflist']).map((column) =>
      String((column['ColumnDef'] as SqlNode | undefined)?.['colname']),
    );
    for (const relation of alias?.aliasname === undefined ? names : [alias.aliasname]) {
      const known = this.#functionColumns.get(relation) ?? [];
      const columns = [...known, ...stringsOf(alias?.colnames), ...definitions, relation, 'key', 'value', 'ordinality'];
      this.#functionColumns.set(relation, new Set(columns));
    }
  }

  #noteColumn(node: SqlNode, at: number): void {
    const fields = listOf(node['fields']);
    const names = stringsOf(fields);
    const [column, relation] = [names.at(-1), names.at(-2)];
    if (names.length === fields.length && column !== undefined && relation !== undefined)
      this.#qualified.push({ relation, column, at });
  }

  /** `(x).f` may be the call `f(x)`; `x[1]` is none. */
  #checkIndirection(node: SqlNode, at: number): void {
    if (listOf(node['indirection']).every((one) => one['A_Indices'] !== undefined)) return;
    this.#say(at, '"(…).name" may call a function; allowed: alias.column, with the expression in FROM');
  }

  #checkType(node: SqlNode, at: number): void {
    const { schema, name } = nameOf(node['names']);
    const isKnown = (schema === undefined || schema === 'pg_catalog') && ALLOWED_TYPES.has(name);
    if (isKnown && node['setof'] === undefined && node['pct_type'] === undefined) return;
    this.#say(at, `the type ${name} is not allowed; allowed: ${[...ALLOWED_TYPES].join(', ')}`);
  }

  #checkOperator(given: unknown, at: number): void {
    const { schema, name } = nameOf(given);
    if (schema === undefined || schema === 'pg_catalog') return;
    this.#say(at, `the operator ${schema}.${name} is not allowed; allowed: operators of Postgres`);
  }

  #checkValueFunction(op: string, at: number): void {
    const word = op
      .replace(/^SVFOP_/, '')
      .replace(/_N$/, '')
      .toLowerCase();
    if (/time|date/.test(word)) this.#sayClock(at, word);
    else this.#say(at, `${word} says who asks; allowed: columns and parameters`);
  }

  #sayClock(at: number, what: string): void {
    this.#say(at, `${what} reads the wall clock; allowed: :now`);
  }

  #say(at: number, message: string): void {
    this.#problems.push({ at, message });
  }
}

function hasToTime(name: string, args: readonly SqlNode[]): boolean {
  return (
    args.length >= (CLOCK_UNLESS_TO_TIME[name] ?? 0) ||
    args.some((arg) => (arg['NamedArgExpr'] as SqlNode | undefined)?.['name'] === 'to_time')
  );
}
