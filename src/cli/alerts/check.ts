// keepwatch alerts check: whether rule files can be used, without running a rule; with --database also whether Postgres understands them.
import type { Command } from 'commander';
import { lintRouting } from '../../alerts/delivery/routing-lint.ts';
import type { RuleGroup } from '../../alerts/rule.ts';
import { checkQueries, type QueryProblems, toFileProblems } from '../../alerts/rules-check.ts';
import type { Config } from '../../config.ts';
import { closeDatabase, createDatabase } from '../../db/database.ts';
import { toRouting } from '../../routing/routing-config.ts';
import { formatProblems } from '../../yaml-file.ts';
import { EXIT } from '../exit.ts';
import { withStorage } from '../storage.ts';
import { plural } from '../table.ts';
import { loadGivenRules } from './load.ts';

interface Flags {
  readonly database?: boolean;
  readonly strict?: boolean;
  readonly json?: boolean;
}

export function addAlertsCheck(alerts: Command): void {
  alerts
    .command('check')
    .description('check rule files: grammar, conditions, and what is most likely not meant; exit code 1 when something is wrong')
    .argument('[files...]', 'rule files or globs; default: those of KEEPWATCH_RULES')
    .option('--database', 'let Postgres plan each query too')
    .option('--strict', 'exit code 1 for warnings too')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  keepwatch alerts check\n  keepwatch alerts check rules/api.yaml --strict\n  keepwatch alerts check --database --json',
    )
    .action(check);
}

async function check(files: readonly string[], { database, strict, json }: Flags): Promise<void> {
  const { groups, problems: found, warnings: ofFiles, config } = await loadGivenRules(files);
  const queries = database === true ? await checkInDatabase(groups, config) : NOT_ASKED;
  const problems = [...found, ...toFileProblems([...queries.refused, ...queries.flawed])];
  const routes = queries.isComplete ? lintRouting(toRouting(config), queries.labels) : [];
  const warnings = [
    ...[...ofFiles, ...toFileProblems(queries.warnings)],
    ...routes.map((message) => ({ file: 'keepwatch.yaml', line: 1, message })),
  ];
  const refused = new Set(queries.refused.map(({ rule }) => rule));
  const rules = groups.reduce((sum, group) => sum + group.rules.length, 0) - refused.size;
  if (json === true) process.stdout.write(`${JSON.stringify({ rules, problems, warnings })}\n`);
  else {
    const said = [...problems, ...warnings.map((warning) => ({ ...warning, message: `warning: ${warning.message}` }))];
    if (said.length > 0) process.stdout.write(`${formatProblems(said)}\n`);
    const counts = `${plural(problems.length, 'problem')}, ${plural(warnings.length, 'warning')}`;
    process.stdout.write(`${plural(rules, 'rule')} can be used; ${counts}\n`);
  }
  if (problems.length > 0 || (strict === true && warnings.length > 0)) process.exitCode = EXIT.checkFailed;
}

const NOT_ASKED: QueryProblems = { refused: [], flawed: [], warnings: [], labels: new Set(), isComplete: false };

async function checkInDatabase(groups: readonly RuleGroup[], config: Config): Promise<QueryProblems> {
  return withStorage(config, async ({ url, rulesUrl }) => {
    const rulesDatabase = createDatabase({ url: rulesUrl ?? url, max: 1, applicationName: 'keepwatch alerts check' });
    try {
      return await checkQueries(groups, rulesDatabase);
    } finally {
      await closeDatabase(rulesDatabase);
    }
  });
}
