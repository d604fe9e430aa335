// Small questions to the parse tree of Postgres: names, lists, and which CTEs can be seen from a place. It judges nothing.
import type { SqlNode } from './sql-parser.ts';

/** CTEs that can be seen from a place; those of an outer query are behind. */
export interface Scope {
  readonly names: readonly string[];
  readonly outer: Scope | undefined;
}

/** What the CTEs of a SELECT add for all that it holds. */
export function scopeOf(node: SqlNode, outer: Scope | undefined): Scope | undefined {
  const names = cteNames(node['withClause'] as SqlNode | undefined);
  return names.length === 0 ? outer : { names, outer };
}

/** A CTE sees those before it; a recursive WITH lets each see all. */
export function cteScope(withClause: SqlNode, scope: Scope | undefined, index: number): Scope | undefined {
  if (withClause['recursive'] === true || scope === undefined) return scope;
  return { names: scope.names.slice(0, index), outer: scope.outer };
}

function cteNames(withClause: SqlNode | undefined): string[] {
  return listOf(withClause?.['ctes']).map((cte) => String((cte['CommonTableExpr'] as SqlNode | undefined)?.['ctename']));
}

/** Whether the name is that of a CTE there. */
export function isVisible(scope: Scope | undefined, name: string): boolean {
  for (let level = scope; level !== undefined; level = level.outer) if (level.names.includes(name)) return true;
  return false;
}

/** A member that is a list of nodes. */
export function listOf(value: unknown): readonly SqlNode[] {
  return Array.isArray(value) ? value : [];
}

/** The texts of a list of String nodes, such as the parts of a name. */
export function stringsOf(value: unknown): string[] {
  return listOf(value).flatMap((one) => {
    const text = (one['String'] as { sval?: string } | undefined)?.sval;
    return text === undefined ? [] : [text];
  });
}

/** A name of one or two parts; one of more has a schema that nothing allows. */
export function nameOf(value: unknown): { readonly schema: string | undefined; readonly name: string } {
  const parts = stringsOf(value);
  return { schema: parts.length > 1 ? parts.slice(0, -1).join('.') : undefined, name: parts.at(-1) ?? '' };
}

/** A node, and its kind. */
export type Tagged = readonly [kind: string, node: SqlNode];

/** The column that a ColumnRef names. */
export function columnOf(node: SqlNode): string {
  return stringsOf(node['fields']).at(-1) ?? '';
}

/** The name of the type of a cast, or of a column definition. */
export function typeOf(node: SqlNode): string {
  return nameOf((node['typeName'] as SqlNode | undefined)?.['names']).name;
}

/** Of a constant; undefined: it is no text. */
export function textOf(node: SqlNode): string | undefined {
  return (node['sval'] as { sval?: string } | undefined)?.sval ?? (node['sval'] === undefined ? undefined : '');
}

/** A node with its kind; undefined for what has none. */
export function tagOf(value: unknown): Tagged | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const [[kind, node] = ['', undefined], ...others] = Object.entries(value);
  return others.length === 0 && /^[A-Z]/.test(kind) ? [kind, (node ?? {}) as SqlNode] : undefined;
}

/** Nodes of a list with their kinds. */
export function tagsOf(value: unknown): (Tagged | undefined)[] {
  return listOf(value).map(tagOf);
}

/** What a CASE gives. */
export function resultsOf(node: SqlNode): (Tagged | undefined)[] {
  const results = listOf(node['args']).map((when) => tagOf((when['CaseWhen'] as SqlNode | undefined)?.['result']));
  return node['defresult'] === undefined ? results : [...results, tagOf(node['defresult'])];
}

/** The columns of each SELECT of a union, and each row of values. */
export function leavesOf(select: SqlNode): (Tagged | undefined)[][] {
  const [left, right] = [select['larg'], select['rarg']];
  if (left !== undefined && right !== undefined) return [...leavesOf(left as SqlNode), ...leavesOf(right as SqlNode)];
  const rows = listOf(select['valuesLists']).map((row) => tagsOf((row['List'] as SqlNode | undefined)?.['items']));
  if (rows.length > 0) return rows;
  return [listOf(select['targetList']).map((target) => tagOf((target['ResTarget'] as SqlNode | undefined)?.['val']))];
}
