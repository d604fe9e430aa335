// keepwatch alerts schema: the JSON Schema of rule files, for editors.
import type { Command } from 'commander';
import { createRuleFileSchema } from '../../alerts/rule-json-schema.ts';

export function addAlertsSchema(alerts: Command): void {
  alerts
    .command('schema')
    .description('print the JSON Schema of rule files, for editors')
    .addHelpText(
      'after',
      `
Editors that know the YAML language server check a file that begins with
  # yaml-language-server: $schema=rules.schema.json

Example:
  keepwatch alerts schema > rules/rules.schema.json`,
    )
    .action(() => {
      process.stdout.write(`${JSON.stringify(createRuleFileSchema(), null, 2)}\n`);
    });
}
