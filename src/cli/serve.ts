// keepwatch serve: API, health and rule evaluation in a process of their own, for apps that archive to the same database.
import { createServer } from 'node:http';
import type { Command } from 'commander';
import { createKeepwatch, type Keepwatch } from '../app.ts';
import { loadConfig } from '../config.ts';
import { listen, type RunningServer } from '../server/listen.ts';
import { createStandaloneApp } from '../server/standalone.ts';
import { waitForSignal } from './exit.ts';
import { openStorage } from './storage.ts';

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve /metrics, /healthz, /readyz and /api/v1, and evaluate the alerting rules')
    .addHelpText(
      'after',
      '\nExamples:\n  keepwatch serve\n  DATABASE_URL=postgres://… KEEPWATCH_ALERTS_DATABASE_URL=postgres://keepwatch_rules:…@… keepwatch serve',
    )
    .action(run);
}

async function run(): Promise<void> {
  const signal = waitForSignal();
  const config = loadConfig();
  const storage = await openStorage(config, say);
  let keepwatch: Keepwatch | undefined;
  let server: RunningServer | undefined;
  try {
    keepwatch = await createKeepwatch({
      service: 'keepwatch',
      readiness: 'strict',
      databaseUrl: storage.url,
      alertsDatabaseUrl: storage.rulesUrl,
      alerts: true,
    });
    server = await listen(createServer(createStandaloneApp(keepwatch.router())), config.host, config.port);
    await keepwatch.start();
    say(`listening on ${server.url}: /metrics, /healthz, /readyz, /api/v1/… (all that it answers: /api/v1/openapi.json)`);
    for (const reason of keepwatch.status().reasons) say(reason);
    await signal;
    say('stopping');
  } finally {
    await server?.stop();
    await keepwatch?.stop();
    await storage.close();
  }
}

function say(line: string): void {
  process.stderr.write(`keepwatch: ${line}\n`);
}
