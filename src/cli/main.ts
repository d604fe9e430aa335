#!/usr/bin/env node
// The command `keepwatch`: reads argv, runs one command, sets the exit code. Nothing else reads argv or exits.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { PACKAGE_FOLDER } from '../db/sql.ts';
import { addCommands } from './commands.ts';
import { EXIT, exitCodeOf, reportError } from './exit.ts';

const { version } = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'package.json'), 'utf8')) as { version: string };

const program = new Command('keepwatch')
  .description('Measure once. See it live in Prometheus, keep it in Postgres, and be told when it breaks.')
  .version(version)
  .showHelpAfterError('(keepwatch --help shows what there is)')
  .exitOverride()
  .addHelpText(
    'after',
    `
Configuration: options, then environment (DATABASE_URL, KEEPWATCH_…), then keepwatch.yaml, then defaults.
Without DATABASE_URL an embedded Postgres keeps its data in .keepwatch/pg.
Exit codes: 0 ok, 1 a check failed, 2 wrong usage or configuration, 3 something it needs is down.`,
  );
await addCommands(program, process.argv.slice(2));

// A reader that has seen enough (`| head`) and a terminal that was closed end no command halfway.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else {
    reportError(error);
    process.exitCode = exitCodeOf(error);
  }
}
