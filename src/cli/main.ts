#!/usr/bin/env node
// The command `keepwatch`: reads argv, runs one command, sets the exit code. Nothing else reads argv or exits.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { PACKAGE_FOLDER } from '../db/sql.ts';
import { addAlerts } from './alerts.ts';
import { addBudgets } from './budgets.ts';
import { addDemo } from './demo.ts';
import { addErase } from './erase.ts';
import { EXIT, exitCodeOf, reportError } from './exit.ts';
import { addExport } from './export.ts';
import { addImport } from './import.ts';
import { addLogs } from './logs.ts';
import { addMigrate } from './migrate.ts';
import { addPrune } from './prune.ts';
import { addRecent } from './recent.ts';
import { addServe } from './serve.ts';
import { addSpool } from './spool.ts';
import { addSummary } from './summary.ts';
import { addTargets } from './targets.ts';
import { addVerify } from './verify.ts';

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
for (const add of [
  addDemo,
  addServe,
  addMigrate,
  addVerify,
  addSummary,
  addRecent,
  addLogs,
  addPrune,
  addErase,
  addExport,
  addImport,
  addSpool,
  addAlerts,
  addBudgets,
  addTargets,
])
  add(program);

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
