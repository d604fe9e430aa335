// The rule files that a subcommand was given, else those of the configuration.
import { type LoadedRules, loadRules } from '../../alerts/rule-file.ts';
import { loadSqlParser } from '../../alerts/sql-parser.ts';
import { type Config, loadConfig } from '../../config.ts';

/** Rules with what is wrong with them; a name that matches no file at all is a problem too. */
export async function loadGivenRules(files: readonly string[]): Promise<LoadedRules & { readonly config: Config }> {
  await loadSqlParser();
  const config = loadConfig();
  const patterns = files.length > 0 ? files : config.rules;
  const loaded = loadRules(patterns, process.cwd(), { receivers: config.receivers.map(({ name }) => name) });
  const nothing = {
    file: patterns.join(', '),
    line: 1,
    message: 'there is no rule file; allowed: files or globs such as rules/*.yaml',
  };
  const isEmpty = loaded.groups.length === 0 && loaded.problems.length === 0;
  return { ...loaded, problems: isEmpty ? [nothing] : loaded.problems, config };
}
