// `npm run chaos`: the fault campaign. Ends all that it started, however it ends.
import { describeError } from '../../src/errors.ts';
import { stopTestServer } from '../support/postgres.ts';
import { type CampaignOptions, runCampaign, runOne } from './campaign.ts';
import { HELP, type Options, parseOptions } from './options.ts';
import { formatFailure, formatProgress, formatSummary, hasFailed, summarize } from './report.ts';
import type { RunResult } from './run-result.ts';
import { installScopedDate } from './scoped-date.ts';

const releases: (() => Promise<void> | void)[] = [];
const strays: string[] = [];

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
  const campaign: CampaignOptions = {
    ...options,
    onEnd: (each) => releases.push(each),
    shouldStop: () => strays.length > 0,
    onResult(result) {
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
  await release();
  showProgress('');
  const failures = results.filter(hasFailed);
  if (options.isJson) process.stdout.write(`${JSON.stringify({ ...summary(), strays, failures })}\n`);
  for (const stray of strays) process.stderr.write(`nobody caught: ${stray}\n`);
  if (!options.isJson) process.stdout.write(`${formatSummary(summary())}\n`);
  return failures.length + strays.length > 0 || results.length === 0 ? 1 : 0;
}

const options = readOptions();
if (options.isHelp) {
  process.stdout.write(HELP);
} else {
  installScopedDate();
  watchStrays();
  releases.push(stopTestServer);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      showProgress('');
      void release().finally(() => process.exit(130));
    });
  }
  try {
    process.exitCode = await main(options);
  } finally {
    await release();
  }
}
