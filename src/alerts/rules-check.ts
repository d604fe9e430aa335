// What is looked at before rules run: that their role can only read, and that Postgres understands their queries.
import { type Database, isConnectionError, sqlState } from '../db/database.ts';
import { queryErrorLine, runRulesQuery } from '../db/rules-query.ts';
import type { RulesRows } from '../db/rules-rows.ts';
import { loadSql } from '../db/sql.ts';
import { describeError, KeepwatchError } from '../errors.ts';
import type { FileProblem } from '../yaml-file.ts';
import { lintColumns } from './column-lint.ts';
import type { OwnQuery, Rule, RuleGroup } from './rule.ts';
import { checkColumns } from './series.ts';

const CHECK_CONNECTION = loadSql('alerts/check-rules-connection');
const LIST_OPEN_DOORS = loadSql('alerts/list-open-doors');
const REMEDY =
  'make the role keepwatch_rules with `keepwatch migrate --roles` and log in as it, or set alerts.role: owner on purpose';

/**
 * Checks that the role which rules run as can read and nothing else.
 * @returns what the parser of rules alone keeps it from, as PUBLIC may do it, each with its remedy
 * @throws KeepwatchError ERR_RULES_ROLE saying what it could do, or that it may not log in, and the remedy; the error of the connection when
 * the database does not answer
 */
export async function checkRulesRole(rulesDatabase: Database): Promise<readonly string[]> {
  let found: { role: string; problem: string | null };
  try {
    found = await rulesDatabase.one<{ role: string; problem: string | null }>(CHECK_CONNECTION);
  } catch (cause) {
    if (!['28', '42', '3F'].includes(sqlState(cause)?.slice(0, 2) ?? '')) throw cause;
    throw new KeepwatchError('ERR_RULES_ROLE', `the role of the rules cannot be used: ${describeError(cause)}; ${REMEDY}`, {
      cause,
    });
  }
  if (found.problem !== null)
    throw new KeepwatchError('ERR_RULES_ROLE', `rules would run as ${found.role}, which ${found.problem}; ${REMEDY}`);
  const doors = await rulesDatabase.any<{ warning: string }>(LIST_OPEN_DOORS);
  return doors.map(({ warning }) => `${found.role} ${warning}`);
}

/** What is wrong with a query of a rule. */
export interface QueryProblem {
  readonly rule: Rule;
  /** Where it stands in the rule. */
  readonly key: 'query' | 'context.query' | 'expect.query';
  /** In the file; that of the rule where Postgres does not say. */
  readonly line: number;
  readonly message: string;
}

export interface QueryProblems {
  /** Rules that have no answer. */
  readonly refused: readonly QueryProblem[];
  /** What is wrong with rules that are evaluated all the same: their annotations, their context, what they expect. */
  readonly flawed: readonly QueryProblem[];
  /** What is allowed, and most likely not meant. */
  readonly warnings: readonly QueryProblem[];
  /** Names of labels that alerts of the rules may have. */
  readonly labels: ReadonlySet<string>;
  /** False when the database went away meanwhile. */
  readonly isComplete: boolean;
}

/** Lets Postgres plan every query without running it, and checks that conditions and annotations find their columns. */
export async function checkQueries(groups: readonly RuleGroup[], rulesDatabase: Database): Promise<QueryProblems> {
  const refused: QueryProblem[] = [];
  const flawed: QueryProblem[] = [];
  const warnings: QueryProblem[] = [];
  const labels = new Set(['alertname']);
  for (const rule of groups.flatMap((group) => group.rules)) {
    for (const name of [...Object.keys(rule.labels), ...(rule.steps.length > 0 ? ['severity'] : [])]) labels.add(name);
    for (const { key, compiled, queryLine, check, lint } of queriesOf(rule)) {
      const query = { text: compiled.text, values: compiled.values(0) };
      const at = (message: string, line?: number): QueryProblem => ({
        ...{ rule, key, message },
        line: line === undefined || queryLine === undefined ? rule.line : queryLine + line - 1,
      });
      const without = key === 'query' ? refused : flawed;
      try {
        const { columns } = await runRulesQuery(rulesDatabase, query, { maxRows: 0 });
        for (const { name, kind } of key === 'query' ? columns : []) if (kind === 'text') labels.add(name);
        flawed.push(...check(columns).map((message) => at(message)));
        warnings.push(...lint(columns).map((message) => at(message)));
      } catch (error) {
        if (error instanceof KeepwatchError) without.push(at(error.message));
        else if (isConnectionError(error)) return { refused, flawed, warnings, labels, isComplete: false };
        else if (!(key === 'context.query' && isOfData(error)))
          without.push(at(describeError(error), queryErrorLine(error, query)));
      }
    }
  }
  return { refused, flawed, warnings, labels, isComplete: true };
}

/** With the file, its line, and the rule. */
export function toFileProblems(problems: readonly QueryProblem[]): FileProblem[] {
  return problems.map(({ rule: { file, name }, key, line, message }) => {
    return { file, line, message: `${name}: ${key === 'query' ? '' : `${key}: `}${message}` };
  });
}

/** What an empty text is no value of: the planner computes with the labels of an alert, which is not there yet. */
function isOfData(error: unknown): boolean {
  return sqlState(error)?.startsWith('22') === true;
}

interface CheckedQuery extends Pick<OwnQuery, 'compiled' | 'queryLine'> {
  readonly key: QueryProblem['key'];
  /** What is wrong with the columns. */
  readonly check: (columns: RulesRows['columns']) => readonly string[];
  /** What they most likely do not mean. */
  readonly lint: (columns: RulesRows['columns']) => readonly string[];
}

function queriesOf(rule: Rule): CheckedQuery[] {
  const { context, expect } = rule;
  const queries: CheckedQuery[] = [
    { ...rule, key: 'query', check: (columns) => checkColumns(rule, columns), lint: (columns) => lintColumns(rule, columns) },
  ];
  const lint = () => [];
  if (context !== undefined) queries.push({ ...context, key: 'context.query', check: () => [], lint });
  if ('query' in expect) queries.push({ ...expect, key: 'expect.query', check: checkExpected, lint });
  return queries;
}

function checkExpected(columns: RulesRows['columns']): string[] {
  return columns.some(({ kind }) => kind === 'text') ? [] : ['gives no text column, so that it expects nothing; name the labels'];
}
