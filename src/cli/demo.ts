// keepwatch demo: the whole product on one screen: Postgres, a chat API with traffic, archive, rules, and a receiver of notifications.
import type { Command } from 'commander';
import { BURST_RULES_FILE } from '../../demo/burst.ts';
import { DEMO_PRICES_FILE } from '../../demo/models.ts';
import { type DemoSummary, startDemo } from '../../demo/run.ts';
import { createScreen, type Screen } from '../../demo/screen.ts';
import { startWebhookReceiver } from '../../demo/webhook-receiver.ts';
import { createKeepwatch, type Keepwatch } from '../app.ts';
import { type Config, DEFAULT_RULES, loadConfig } from '../config.ts';
import { PACKAGE_FOLDER } from '../db/sql.ts';
import type { Logger } from '../logger.ts';
import { waitForSignal } from './exit.ts';
import { numberBetween } from './parse.ts';
import { openStorage, type Storage } from './storage.ts';

interface Options {
  readonly burst?: boolean;
  readonly rate: number;
  readonly failureRate: number;
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('run a chat API with agents, tools, a simulated LLM and traffic, measured by Keepwatch')
    .option('--burst', 'let the LLM fail for 15 s, with fast rules: pending, firing, resolved within a minute')
    .option('--rate <n>', 'requests per second of its own traffic; 0 for none', numberBetween(0, 1000), 20)
    .option('--failure-rate <share>', 'share of LLM calls that fail in normal operation', numberBetween(0, 1), 0.01)
    .addHelpText(
      'after',
      `
Examples:
  keepwatch demo
  keepwatch demo --burst
  KEEPWATCH_PORT=8080 keepwatch demo --rate 200
  DATABASE_URL=postgres://me@localhost/app keepwatch demo     # nothing embedded starts`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const signal = waitForSignal();
  const config = loadConfig();
  const screen = createScreen({ out: process.stdout });
  const storage = await openStorage(config, (line) => screen.print(line));
  const receiver = await startWebhookReceiver({ print: (line) => screen.print(`ALERT  ${line}`) });
  let keepwatch: Keepwatch | undefined;
  try {
    keepwatch = await createKeepwatch(keepwatchOptions(options, config, storage, receiver.webhookUrl, screen));
    await keepwatch.start();
    const demo = await startDemo({
      keepwatch,
      screen,
      databaseUrl: storage.url,
      psqlCommand: storage.psqlCommand,
      host: config.host,
      port: config.port,
      webhookUrl: receiver.webhookUrl,
      burst: options.burst ?? false,
      rate: options.rate,
      failureRate: options.failureRate,
    });
    for (const reason of keepwatch.status().reasons) screen.print(reason);
    await signal;
    screen.print('Stopping: traffic, app, archive, Postgres …');
    const summary = await demo.stop();
    await keepwatch.stop();
    screen.print(describeSummary(summary, keepwatch));
  } finally {
    await keepwatch?.stop();
    await receiver.stop();
    await storage.close();
  }
}

function keepwatchOptions(options: Options, config: Config, storage: Storage, webhookUrl: string, screen: Screen) {
  const hasReceivers = config.receivers.length > 0;
  return {
    service: config.service === 'app' ? 'chat-api' : config.service,
    databaseUrl: storage.url,
    alertsDatabaseUrl: storage.rulesUrl,
    alerts: true,
    llmPrices: config.llmPrices ?? DEMO_PRICES_FILE,
    logger: createScreenLogger(screen),
    rules: options.burst === true ? [BURST_RULES_FILE] : rulesOf(config),
    ...(hasReceivers ? {} : { receivers: [demoReceiver(webhookUrl)] }),
  };
}

/** It listens on this machine, where there is no TLS. */
function demoReceiver(url: string) {
  return { name: 'demo', webhook: { url, allowPrivate: true, allowPlaintext: true } };
}

/** The rules that ship with the package, unless others are configured. */
function rulesOf({ rules }: Config): string[] {
  const isDefault = rules.join() === DEFAULT_RULES.join();
  return isDefault ? [`${PACKAGE_FOLDER}/rules/*.yaml`] : [...rules];
}

/** Warnings and errors as lines between the others, so that they do not tear the live line. */
function createScreenLogger(screen: Screen): Logger {
  const print = (fields: object, message: string) => {
    const { error } = fields as { error?: unknown };
    screen.print(`keepwatch: ${message}${typeof error === 'string' ? `: ${error}` : ''}`);
  };
  return { debug() {}, info() {}, warn: print, error: print };
}

function describeSummary({ traffic }: DemoSummary, keepwatch: Keepwatch): string {
  const { recorded, archive } = keepwatch.status();
  const failed = traffic.transportErrors > 0 ? `, ${traffic.transportErrors} without an answer` : '';
  const queued = (archive?.spoolEvents ?? 0) > 0 ? `, ${archive?.spoolEvents} wait in the spool for the next start` : '';
  return `Stopped. ${traffic.sent} requests sent${failed}; ${recorded} events recorded, ${archive?.archived ?? 0} archived${queued}.`;
}
