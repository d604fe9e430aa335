// What the expressions of a query are, as far as its tree tells: text, time, or a literal that Postgres takes for what stands beside it; and whether
// a text could have been made up by the query. For clock-text.ts.
import { TEXT_COLUMNS, TEXT_FUNCTIONS, TEXT_OPERATORS, TIME_COLUMNS, TIME_FUNCTIONS, TIME_TYPES } from './sql-allowed.ts';
import {
  columnOf,
  leavesOf,
  listOf,
  nameOf,
  resultsOf,
  stringsOf,
  type Tagged,
  tagOf,
  tagsOf,
  textOf,
  typeOf,
} from './sql-nodes.ts';
import type { SqlNode } from './sql-parser.ts';

/** As Postgres cuts words out of a time: digits and punctuation end them. */
const CLOCK_WORD = /(?<![a-z])(now|today|tomorrow|yesterday)(?![a-z])/i;

/** The word that makes a text the wall clock where it is read as a time. */
export function clockWordIn(text: string): string | undefined {
  return CLOCK_WORD.exec(text)?.[0];
}

/** What an expression is for sure; `literal`: Postgres decides by what stands beside it. */
export type Kind = 'literal' | 'text' | 'time' | 'unknown';

/** What the expressions of one query are. */
export class SqlMeanings {
  /** What the query itself calls by a name of a column. */
  readonly #named = new Map<string, Tagged[]>();
  readonly #asked = new Set<string>();
  readonly #clockParameters: ReadonlySet<number>;

  /** @param clockParameters numbers of parameters whose text holds a word of the clock */
  constructor(select: SqlNode, clockParameters: ReadonlySet<number>) {
    this.#clockParameters = clockParameters;
    this.#collect(select);
  }

  /** Names that the query gives: `… as x`, `as t (x)`, `with t (x)`. */
  #collect(node: SqlNode): void {
    for (const [kind, value] of Object.entries(node)) {
      if (typeof value !== 'object' || value === null) continue;
      if (kind === 'ResTarget') this.#noteTarget(value as SqlNode);
      if (kind === 'valuesLists') this.#noteRows(node);
      const columns = [...stringsOf((value as SqlNode)['colnames']), ...stringsOf((value as SqlNode)['aliascolnames'])];
      if (kind === 'RangeFunction') this.#noteFunction(value as SqlNode);
      else for (const name of columns) this.#note(name, ['Unknown', {}]);
      this.#collect(value as SqlNode);
    }
  }

  #noteTarget(target: SqlNode): void {
    const value = tagOf(target['val']);
    if (value === undefined) return;
    this.#note(typeof target['name'] === 'string' ? target['name'] : ownNameOf(value), value);
  }

  #noteRows(select: SqlNode): void {
    for (const row of leavesOf(select)) for (const [index, value] of row.entries()) this.#note(`column${index + 1}`, value);
  }

  #noteFunction(node: SqlNode): void {
    const alias = node['alias'] as { aliasname?: string; colnames?: unknown } | undefined;
    const [first] = listOf(node['functions']).map((list) => listOf((list['List'] as SqlNode | undefined)?.['items'])[0]);
    const called = tagOf(first);
    for (const { ColumnDef: column } of listOf(node['coldeflist']) as { ColumnDef: SqlNode }[])
      this.#note(String(column['colname']), ['TypeCast', { typeName: column['typeName'], arg: first }]);
    const ownName = alias?.aliasname ?? ownNameOf(called ?? ['Unknown', {}]) ?? '';
    const names = [...stringsOf(alias?.colnames), ownName, 'key', 'value'];
    for (const name of names) this.#note(name, called ?? ['Unknown', {}]);
  }

  #note(name: string | undefined, value: Tagged | undefined): void {
    if (name === undefined || value === undefined) return;
    this.#named.set(name, [...(this.#named.get(name) ?? []), value]);
  }

  /** Whether it is no text that the query could have made up: read as a time it is the same whenever it is asked. */
  isFixed(value: Tagged | undefined): boolean {
    if (value === undefined) return true;
    const [kind, node] = value;
    switch (kind) {
      case 'A_Const':
        return clockWordIn(textOf(node) ?? '') === undefined;
      case 'ParamRef':
        return !this.#clockParameters.has(Number(node['number']));
      case 'ColumnRef':
        return this.#isFixedColumn(columnOf(node));
      case 'TypeCast':
        return TIME_TYPES.has(typeOf(node)) || this.isFixed(tagOf(node['arg']));
      case 'A_Expr':
        if (['+', '-', '*', '/'].includes(nameOf(node['name']).name)) return true;
        return ['->', '->>', '#>>', '#>'].includes(nameOf(node['name']).name) && this.isFixed(tagOf(node['lexpr']));
      case 'FuncCall': {
        const { name } = nameOf(node['funcname']);
        return TIME_FUNCTIONS.has(name) || (PICKING.has(name) && tagsOf(node['args']).every((arg) => this.isFixed(arg)));
      }
      case 'CaseExpr':
        return resultsOf(node).every((result) => this.isFixed(result));
      case 'CoalesceExpr':
      case 'MinMaxExpr':
        return tagsOf(node['args']).every((arg) => this.isFixed(arg));
      case 'A_ArrayExpr':
        return tagsOf(node['elements']).every((element) => this.isFixed(element));
      case 'SelectStmt':
        return leavesOf(node).every((leaf) => leaf.every((column) => this.isFixed(column)));
      case 'SubLink':
        return this.isFixed(tagOf(node['subselect']));
      case 'CollateClause':
      case 'A_Indirection':
      case 'NamedArgExpr':
        return this.isFixed(tagOf(node['arg']));
      default:
        return false;
    }
  }

  #isFixedColumn(name: string): boolean {
    const own = this.#named.get(name);
    // Of a relation, as nothing here is called so.
    if (own === undefined) return true;
    return this.#once(name, true, () => own.every((value) => isColumn(value, name) || this.isFixed(value)));
  }

  kindOfAll(values: readonly (Tagged | undefined)[]): Kind {
    const kinds = new Set(values.map((value) => this.kindOf(value)).filter((kind) => kind !== 'literal'));
    if (kinds.size === 0) return 'literal';
    return kinds.size === 1 ? ([...kinds][0] as Kind) : 'unknown';
  }

  kindOf(value: Tagged | undefined): Kind {
    if (value === undefined) return 'unknown';
    const [kind, node] = value;
    switch (kind) {
      case 'A_Const':
        return textOf(node) !== undefined || node['isnull'] === true ? 'literal' : 'unknown';
      case 'ColumnRef':
        return this.#kindOfColumn(columnOf(node));
      case 'TypeCast':
        return TIME_TYPES.has(typeOf(node)) ? 'time' : TEXT_TYPES.has(typeOf(node)) ? 'text' : 'unknown';
      case 'A_Expr':
        return TEXT_OPERATORS.has(nameOf(node['name']).name) ? 'text' : 'unknown';
      case 'FuncCall': {
        const { name } = nameOf(node['funcname']);
        if (TEXT_RESULTS.has(name)) return 'text';
        return TIME_FUNCTIONS.has(name) ? 'time' : 'unknown';
      }
      case 'CaseExpr':
        return textUnlessTold(this.kindOfAll(resultsOf(node)));
      case 'CoalesceExpr':
      case 'MinMaxExpr':
        return textUnlessTold(this.kindOfAll(tagsOf(node['args'])));
      case 'A_ArrayExpr':
        return textUnlessTold(this.kindOfAll(tagsOf(node['elements'])));
      case 'SelectStmt':
        return textUnlessTold(this.kindOfAll(leavesOf(node).flat()));
      case 'SubLink':
        return this.kindOf(tagOf(node['subselect']));
      case 'CollateClause':
        return this.kindOf(tagOf(node['arg']));
      default:
        return 'unknown';
    }
  }

  #kindOfColumn(name: string): Kind {
    const own = this.#named.get(name);
    const published = TIME_COLUMNS.has(name) ? 'time' : TEXT_COLUMNS.has(name) ? 'text' : undefined;
    if (own === undefined) return published ?? 'unknown';
    return this.#once<Kind>(name, 'literal', () => {
      const kinds = own.filter((value) => !isColumn(value, name)).map((value) => textUnlessTold(this.kindOf(value)));
      const all = new Set([...kinds, ...(published === undefined ? [] : [published])]);
      return all.size === 1 ? ([...all][0] as Kind) : 'unknown';
    });
  }

  /** A name that is made of itself adds nothing to what it is. */
  #once<Answer>(name: string, again: Answer, ask: () => Answer): Answer {
    if (this.#asked.has(name)) return again;
    this.#asked.add(name);
    const answer = ask();
    this.#asked.delete(name);
    return answer;
  }

  isTextual(values: readonly (Tagged | undefined)[]): boolean {
    return ['text', 'literal'].includes(this.kindOfAll(values));
  }
}

const TEXT_TYPES: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'name', 'json', 'jsonb', 'uuid']);
/** What they give was in one of their arguments. */
const PICKING: ReadonlySet<string> = new Set(
  `min max first_value last_value nth_value lag lead any_value unnest jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text
  jsonb_extract_path jsonb_extract_path_text jsonb_to_record jsonb_to_recordset substr substring`.split(/\s+/),
);
/** They take text, and do not give it. */
const NO_TEXT: ReadonlySet<string> = new Set(['starts_with', 'length', 'char_length', 'octet_length', 'strpos', 'position']);
const TEXT_RESULTS: ReadonlySet<string> = new Set([...TEXT_FUNCTIONS].filter((name) => !NO_TEXT.has(name)).concat('to_char'));

/** Alone, Postgres takes a literal for text. */
function textUnlessTold(kind: Kind): Kind {
  return kind === 'literal' ? 'text' : kind;
}

/** What Postgres calls a column without a name; undefined: by a name that stands elsewhere. */
function ownNameOf([kind, node]: Tagged): string | undefined {
  switch (kind) {
    case 'FuncCall':
      return nameOf(node['funcname']).name;
    case 'TypeCast':
      return typeOf(node);
    case 'ColumnRef':
      return undefined;
    case 'CoalesceExpr':
      return 'coalesce';
    case 'MinMaxExpr':
      return node['op'] === 'IS_LEAST' ? 'least' : 'greatest';
    case 'CaseExpr':
      return 'case';
    case 'A_ArrayExpr':
      return 'array';
    case 'A_Expr':
      return node['kind'] === 'AEXPR_NULLIF' ? 'nullif' : '?column?';
    case 'CollateClause':
    case 'A_Indirection':
      return ownNameOf(tagOf(node['arg']) ?? ['Unknown', {}]);
    default:
      return '?column?';
  }
}

function isColumn([kind, node]: Tagged, name: string): boolean {
  return kind === 'ColumnRef' && columnOf(node) === name;
}
