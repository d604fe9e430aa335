// What is looked at before rules run: that their role can only read, and that Postgres understands their queries.
import { type Database, isConnectionError, sqlState } from '../db/database.ts';
import { queryErrorLine, runRulesQuery } from '../db/rules-query.ts';
import { loadSql } from '../db/sql.ts';
import { describeError, KeepwatchError } from '../errors.ts';
import type { FileProblem } from '../yaml-file.ts';
import type { Rule, RuleGroup } from './rule.ts';
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

/**
 * Lets Postgres plan every query without running it, and checks that conditions and annotations find their columns.
 * @returns problems with file and line; `isComplete` is false when the database went away meanwhile
 */
export async function checkQueries(
  groups: readonly RuleGroup[],
  rulesDatabase: Database,
): Promise<{ problems: FileProblem[]; isComplete: boolean }> {
  const problems: FileProblem[] = [];
  for (const rule of groups.flatMap((group) => group.rules)) {
    const query = { text: rule.compiled.text, values: rule.compiled.values(0) };
    try {
      const { columns } = await runRulesQuery(rulesDatabase, query, { maxRows: 0 });
      problems.push(...checkColumns(rule, columns).map((message) => toProblem(rule, undefined, message)));
    } catch (error) {
      if (error instanceof KeepwatchError) problems.push(toProblem(rule, undefined, error.message));
      else if (isConnectionError(error)) return { problems, isComplete: false };
      else problems.push(toProblem(rule, queryErrorLine(error, query), describeError(error)));
    }
  }
  return { problems, isComplete: true };
}

function toProblem(rule: Rule, queryLine: number | undefined, message: string): FileProblem {
  const line = queryLine === undefined || rule.queryLine === undefined ? rule.line : rule.queryLine + queryLine - 1;
  return { file: rule.file, line, message: `${rule.name}: ${message}` };
}
