// `npm run chaos`: the fault campaign. Ends all that it started, however it ends.
import { describeError } from '../../src/errors.ts';
import { within } from '../../src/within.ts';
import { stopTestServer } from '../support/postgres.ts';
import { type CampaignOptions, runCampaign, runOne } from './campaign.ts';
import { DiskWatch } from './disk-watch.ts';
import { HELP, type Options, parseOptions } from './options.ts';
import { formatFailure, formatProgress, formatSummary, hasFailed, summarize } from './report.ts';
import type { RunResult } from './run-result.ts';
import { installScopedDate } from './scoped-date.ts';

const EXIT_INTERRUPTED = 130;
const INTERRUPT_MS = 15_000;

const releases: (() => Promise<void> | void)[] = [];
const strays: string[] = [];
/** Ctrl-C: nothing new is begun, and what fails now means nothing. */
let isEnding = false;

function readOptions(): Options {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n\n${HELP}`);
    process.exit(2);
  }
}

/** What no run has caught fails the campaign: an app would have ended. */
function watchStrays(): void {
  const note = (error: unknown) => strays.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.on('unhandledRejection', note);
  process.on('uncaughtException', note);
}

async function release(): Promise<void> {
  for (const each of releases.splice(0).reverse()) {
    try {
      await each();
    } catch (error) {
      process.stderr.write(`not tidied up: ${describeError(error)}\n`);
    }
  }
}

function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

async function main(options: Options): Promise<number> {
  const startedMs = performance.now();
  const results: RunResult[] = [];
  const summary = () => summarize(options.seed, results, strays.length, (performance.now() - startedMs) / 1000);
  const diskWatch = new DiskWatch();
  releases.push(() => diskWatch.end());
  const campaign: CampaignOptions = {
    ...options,
    onEnd: (each) => releases.push(each),
    shouldStop: () => isEnding || strays.length > 0,
    onResult(result) {
      if (isEnding) return;
      results.push(result);
      showProgress('');
      if (hasFailed(result) && !options.isJson) process.stdout.write(`${formatFailure(result)}\n`);
      showProgress(formatProgress(summary(), options.faults));
    },
  };
  if (!options.isJson && options.run === undefined) process.stdout.write(`seed ${options.seed}\n`);
  try {
    if (options.run === undefined) await runCampaign(campaign);
    else await runOne(options.run.form, options.run.seed, campaign);
  } catch (error) {
    strays.push(`the campaign itself: ${error instanceof Error ? error.stack : String(error)}`);
  }
  if (isEnding) return EXIT_INTERRUPTED;
  await release();
  showProgress('');
  const failures = results.filter(hasFailed);
  if (options.isJson)
    process.stdout.write(`${JSON.stringify({ ...summary(), slowestSyncMs: diskWatch.slowestMs, strays, failures })}\n`);
  for (const stray of strays) process.stderr.write(`nobody caught: ${stray}\n`);
  if (!options.isJson) process.stdout.write(`${formatSummary(summary(), diskWatch.slowestMs)}\n`);
  return failures.length + strays.length > 0 || results.length === 0 ? 1 : 0;
}

/** Ctrl-C ends the apps first, so that runs fail at once; what was just being started is waited for, and ended too. */
async function interrupt(running: Promise<unknown>): Promise<void> {
  isEnding = true;
  showProgress('');
  setTimeout(() => process.exit(EXIT_INTERRUPTED), 2 * INTERRUPT_MS);
  await release();
  await within(INTERRUPT_MS, running);
  await release();
  process.exit(EXIT_INTERRUPTED);
}

async function run(options: Options): Promise<void> {
  installScopedDate();
  watchStrays();
  releases.push(stopTestServer);
  let running: Promise<unknown> = Promise.resolve();
  // Before anything is started: Ctrl-C may come at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void interrupt(running));
  try {
    const code = main(options);
    running = code;
    process.exitCode = await code;
  } finally {
    await release();
  }
}

const options = readOptions();
if (options.isHelp) process.stdout.write(HELP);
else await run(options);
