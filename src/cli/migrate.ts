// keepwatch migrate: brings the schema up to date, and on demand makes the roles.
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { loadConfig, loadRulesPassword } from '../config.ts';
import { closeDatabase, createDatabase, type Database, pingDatabase } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { ensureRoles } from '../db/roles.ts';
import { KeepwatchError } from '../errors.ts';

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema of DATABASE_URL up to date; safe to run from many processes at once')
    .option('--roles', 'also make the roles keepwatch_owner, keepwatch_writer, keepwatch_reader and keepwatch_rules')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The password of keepwatch_rules is KEEPWATCH_RULES_PASSWORD; without it a new one is made and shown once.

Examples:
  DATABASE_URL=postgres://me@localhost/app keepwatch migrate
  DATABASE_URL=postgres://admin@localhost/app KEEPWATCH_RULES_PASSWORD=… keepwatch migrate --roles`,
    )
    .action(run);
}

interface Roles {
  readonly rulesUrl: string;
  /** What keepwatch_rules could do beyond reading. */
  readonly problems: readonly string[];
}

async function run(options: { roles?: boolean; json?: boolean }): Promise<void> {
  const config = loadConfig();
  if (config.databaseUrl === undefined)
    throw new KeepwatchError('ERR_USAGE', 'migrate: set DATABASE_URL; the embedded Postgres migrates itself');
  const database = createDatabase({ url: config.databaseUrl, max: 1, applicationName: 'keepwatch migrate' });
  try {
    await pingDatabase(database, config.databaseUrl);
    const { applied, version } = await migrate(database);
    const roles = options.roles === true ? await makeRoles(database, config.databaseUrl) : undefined;
    if (options.json === true) process.stdout.write(`${JSON.stringify({ applied, version, ...roles })}\n`);
    else {
      for (const name of applied) process.stdout.write(`applied ${name}\n`);
      process.stdout.write(applied.length === 0 ? `up to date at version ${version}\n` : `now at version ${version}\n`);
      if (roles !== undefined) process.stdout.write(describeRoles(roles));
    }
  } finally {
    await closeDatabase(database);
  }
}

/** @returns the URL to log in with; a password that was given by the environment is not repeated in it */
async function makeRoles(database: Database, databaseUrl: string): Promise<Roles> {
  const given = loadRulesPassword();
  const rulesPassword = given ?? randomBytes(24).toString('base64url');
  const { problems } = await ensureRoles(database, { rulesPassword });
  const url = new URL(databaseUrl);
  url.username = 'keepwatch_rules';
  url.password = '';
  const shown = given === undefined ? rulesPassword : '<KEEPWATCH_RULES_PASSWORD>';
  return { rulesUrl: url.href.replace('keepwatch_rules@', `keepwatch_rules:${shown}@`), problems };
}

function describeRoles({ rulesUrl, problems }: Roles): string {
  const hints = problems.map((problem) => `  keepwatch_rules: ${problem}\n`).join('');
  const harden =
    hints === ''
      ? ''
      : `what PUBLIC may do, rules may do too; docs/harden.sql takes it from all users of the database:\n${hints}`;
  return `roles are in place; rules log in with\nKEEPWATCH_ALERTS_DATABASE_URL=${rulesUrl}\n${harden}`;
}
