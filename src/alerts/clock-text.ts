// Finds texts that Postgres would read as the wall clock ('now', 'yesterday'), however they come to be a time: cast, compared with a time, or
// one of several values of which another is a time. Asked of trees that sql-check.ts has passed. What it cannot tell it refuses, with the way out.
import { TEXT_FUNCTIONS, TEXT_OPERATORS, TIME_TYPES } from './sql-allowed.ts';
import type { SqlProblem } from './sql-check.ts';
import { clockWordIn, SqlMeanings } from './sql-meanings.ts';
import { leavesOf, listOf, nameOf, resultsOf, type Tagged, tagOf, tagsOf, textOf, typeOf } from './sql-nodes.ts';
import type { SqlNode } from './sql-parser.ts';

export interface ClockTextOptions {
  /** Numbers of parameters whose text holds such a word. */
  readonly clockParameters: ReadonlySet<number>;
}

/** Looks at every text of a SELECT, and at every cast to a time. */
export function findClockTexts(select: SqlNode, options: ClockTextOptions): SqlProblem[] {
  return new ClockTextCheck(new SqlMeanings(select, options.clockParameters)).run(select);
}

const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '^']);

class ClockTextCheck {
  readonly #problems: SqlProblem[] = [];
  readonly #meanings: SqlMeanings;

  constructor(meanings: SqlMeanings) {
    this.#meanings = meanings;
  }

  run(select: SqlNode): SqlProblem[] {
    this.#visitSelect(select, 0);
    return this.#problems;
  }

  #visitSelect(select: SqlNode, at: number): void {
    const leaves = leavesOf(select);
    const isText = (column: number) =>
      leaves.length === 1 || ['text', 'literal'].includes(this.#meanings.kindOfAll(leaves.map((leaf) => leaf[column])));
    for (const leaf of leaves) for (const [column, value] of leaf.entries()) this.#visit(value, isText(column), at);
    this.#visitRest(select, at);
  }

  /** All of a SELECT but what it gives. */
  #visitRest(select: SqlNode, at: number): void {
    for (const [member, value] of Object.entries(select)) {
      if (member === 'larg' || member === 'rarg') this.#visitRest(value as SqlNode, at);
      else if (member !== 'targetList' && member !== 'valuesLists') this.#visitIn(value, false, at);
    }
  }

  /** Whatever nodes a member holds. */
  #visitIn(value: unknown, isText: boolean, at: number): void {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) for (const item of value) this.#visitIn(item, isText, at);
    else {
      const tagged = tagOf(value);
      if (tagged === undefined) for (const member of Object.values(value)) this.#visitIn(member, isText, at);
      else this.#visit(tagged, isText, at);
    }
  }

  /** @param isText whether a literal there is text for sure */
  #visit(value: Tagged | undefined, isText: boolean, near: number): void {
    if (value === undefined) return;
    const [kind, node] = value;
    const at = typeof node['location'] === 'number' && node['location'] >= 0 ? node['location'] : near;
    const inner = (text: boolean, ...members: string[]) => {
      for (const [member, held] of Object.entries(node))
        if (members.length === 0 || members.includes(member)) this.#visitIn(held, text, at);
    };
    switch (kind) {
      case 'A_Const':
        this.#visitConstant(node, isText, at);
        return;
      case 'SelectStmt':
        this.#visitSelect(node, at);
        return;
      case 'TypeCast':
        this.#visitCast(node, at);
        return;
      case 'List':
        inner(isText);
        return;
      case 'CollateClause':
        inner(isText, 'arg');
        return;
      case 'A_Expr':
        inner(this.#isTextExpression(node), 'lexpr', 'rexpr');
        return;
      case 'SubLink':
        this.#visitIn(node['testexpr'], this.#meanings.kindOf(tagOf(node['subselect'])) === 'text', at);
        inner(false, 'subselect');
        return;
      case 'CaseExpr': {
        const isTextCase = this.#meanings.kindOf(tagOf(node['arg'])) === 'text';
        const isTextResult = this.#meanings.isTextual(resultsOf(node));
        this.#visitIn(node['arg'], isTextCase, at);
        for (const when of listOf(node['args'])) {
          const { expr, result } = (when['CaseWhen'] ?? {}) as SqlNode;
          this.#visitIn(expr, isTextCase, at);
          this.#visitIn(result, isTextResult, at);
        }
        this.#visitIn(node['defresult'], isTextResult, at);
        return;
      }
      case 'CoalesceExpr':
      case 'MinMaxExpr':
        inner(this.#meanings.isTextual(tagsOf(node['args'])));
        return;
      case 'A_ArrayExpr':
        inner(isText || this.#meanings.isTextual(tagsOf(node['elements'])));
        return;
      case 'FuncCall':
        this.#visitCall(node, at);
        return;
      case 'RangeFunction':
        this.#visitDefinitions(node, at);
        inner(false);
        return;
      default:
        inner(false);
    }
  }

  #visitConstant(node: SqlNode, isText: boolean, at: number): void {
    const text = textOf(node);
    const word = text === undefined || isText ? undefined : clockWordIn(text);
    if (word === undefined) return;
    const shown = text === word ? `'${word}'` : `a text with '${word}'`;
    this.#say(at, `${shown} may be read as a time, which is the wall clock; allowed: :now, or '…'::text where it is a text`);
  }

  #visitCast(node: SqlNode, at: number): void {
    const type = typeOf(node);
    if (TIME_TYPES.has(type)) this.#checkCast(tagOf(node['arg']), type, at);
    this.#visitIn(node['arg'], true, at);
  }

  #visitCall(node: SqlNode, at: number): void {
    const { name } = nameOf(node['funcname']);
    const args = listOf(node['args']);
    if (TIME_TYPES.has(name)) this.#checkCast(tagOf(args[0]), name, at);
    const isText = TEXT_FUNCTIONS.has(name) || TIME_TYPES.has(name);
    this.#visitIn(args, isText, at);
    for (const [member, value] of Object.entries(node)) if (member !== 'args') this.#visitIn(value, false, at);
  }

  /** `as t (x timestamptz)` casts what the function gives. */
  #visitDefinitions(node: SqlNode, at: number): void {
    const types = listOf(node['coldeflist']).map((column) => typeOf(column['ColumnDef'] as SqlNode));
    const type = types.find((one) => TIME_TYPES.has(one));
    if (type === undefined) return;
    for (const list of listOf(node['functions'])) {
      const call = listOf((list['List'] as SqlNode | undefined)?.['items'])[0]?.['FuncCall'] as SqlNode | undefined;
      for (const arg of tagsOf(call?.['args'])) this.#checkCast(arg, type, at);
    }
  }

  #checkCast(arg: Tagged | undefined, type: string, at: number): void {
    const text = arg?.[0] === 'A_Const' ? textOf(arg[1]) : undefined;
    const word = text === undefined ? undefined : clockWordIn(text);
    if (word !== undefined) this.#say(at, `${word} reads the wall clock; allowed: :now`);
    else if (!this.#meanings.isFixed(arg))
      this.#say(
        at,
        `a text that is made up, or holds a word such as now, reads the wall clock as ${type}; allowed: casts of columns, constants and parameters without such a word, and of times`,
      );
  }

  #isTextExpression(node: SqlNode): boolean {
    if (TEXT_OPERATORS.has(nameOf(node['name']).name) || /LIKE|SIMILAR/.test(String(node['kind']))) return true;
    const operands = [node['lexpr'], node['rexpr']].flatMap((one) => {
      const tagged = tagOf(one);
      return tagged?.[0] === 'List' ? tagsOf(tagged[1]['items']) : [tagged];
    });
    return ARITHMETIC.has(nameOf(node['name']).name) ? false : this.#meanings.isTextual(operands);
  }

  #say(at: number, message: string): void {
    this.#problems.push({ at, message });
  }
}
