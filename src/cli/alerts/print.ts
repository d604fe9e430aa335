// keepwatch alerts print: rules as YAML in SQL, short forms and defaults written out.
import type { Command } from 'commander';
import { formatRules } from '../../alerts/rule-yaml.ts';
import { formatProblems } from '../../yaml-file.ts';
import { EXIT } from '../exit.ts';
import { loadGivenRules } from './load.ts';

export function addAlertsPrint(alerts: Command): void {
  alerts
    .command('print')
    .description('print rules as YAML, short forms as the SQL that they stand for')
    .argument('[files...]', 'rule files or globs; default: those of KEEPWATCH_RULES')
    .option('--resolved', 'write out every default')
    .addHelpText('after', '\nExamples:\n  keepwatch alerts print rules/api.yaml\n  keepwatch alerts print --resolved > all.yaml')
    .action(print);
}

/** Prints what can be used; what cannot is told on stderr, with exit code 1. */
async function print(files: readonly string[], { resolved = false }: { resolved?: boolean }): Promise<void> {
  const { groups, problems } = await loadGivenRules(files);
  if (groups.length > 0) process.stdout.write(formatRules(groups, { resolved }));
  if (problems.length === 0) return;
  process.stderr.write(`${formatProblems(problems)}\n`);
  process.exitCode = EXIT.checkFailed;
}
