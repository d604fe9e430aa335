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
