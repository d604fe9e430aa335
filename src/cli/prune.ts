// keepwatch prune: removes days of raw events at once, after asking.
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { ExpiredDay, Pruned } from '../archive/maintenance/prune.ts';
import { loadConfig } from '../config.ts';
import { formatDuration } from '../units.ts';
import { EXIT } from './exit.ts';
import { type History, withHistory } from './history.ts';
import { untilInterrupted } from './interrupt.ts';
import { durationOf } from './parse.ts';
import { createProgress } from './progress.ts';
import { type Column, formatBytes, formatCount, formatTable, plural } from './table.ts';

interface Flags {
  readonly keep: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const DAY_MS = 86_400_000;

export function addPrune(program: Command): void {
  program
    .command('prune')
    .description('remove days of raw events that are older than what is to be kept, now')
    .requiredOption(
      '--keep <duration>',
      'how much to keep: 30d, 4w; whole UTC days go, the newest of them an hour late',
      durationOf(DAY_MS),
    )
    .option('--dry-run', 'only say which days would go')
    .option('--yes', 'do not ask, on a terminal either')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
KEEPWATCH_RETENTION does the same every few minutes, while a process runs. Nothing brings removed events back:
keepwatch export first, if they may be wanted. Exit code 1: some days are in use, and stay until the next time.

Examples:
  keepwatch prune --keep 30d --dry-run
  keepwatch prune --keep 7d --yes --json`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const config = loadConfig();
  await untilInterrupted((signal) =>
    withHistory(config, async (history) => {
      const days = await history.prunable(flags.keep, signal);
      if (signal.aborted) process.stderr.write('keepwatch: stopped; nothing is removed\n');
      else if (days.length === 0 || flags.dryRun === true) print(flags, { removed: [], left: 0 }, days);
      else if (await isWanted(days, flags, signal)) await prune(history, days, flags, signal);
      else process.stderr.write('nothing is removed\n');
    }),
  );
}

/** Asks on a terminal; a script means what it says. */
async function isWanted(days: readonly ExpiredDay[], { yes, json }: Flags, signal: AbortSignal): Promise<boolean> {
  if (yes === true || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  if (json !== true) process.stderr.write(`${formatTable(COLUMNS, days)}\n`);
  const asker = createInterface({ input: process.stdin, output: process.stderr });
  try {
    asker.on('SIGINT', () => asker.close());
    const answer = await asker.question(`Remove ${describe(days)}? [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false; // Ctrl-C
  } finally {
    asker.close();
  }
}

async function prune(history: History, days: readonly ExpiredDay[], flags: Flags, signal: AbortSignal): Promise<void> {
  const progress = createProgress();
  let done = 0;
  const pruned = await history.prune({
    keepMs: flags.keep,
    signal,
    onDay: ({ day }) => progress.show(() => `removed ${day}  ${++done} of ${days.length}`),
    onWait: (what) => progress.show(() => `waiting for ${what}`),
  });
  progress.clear();
  print(flags, pruned, []);
  if (pruned.left > 0) process.exitCode = EXIT.checkFailed;
}

/** @param candidates of a dry run */
function print({ keep, dryRun, json }: Flags, { removed, left }: Pruned, candidates: readonly ExpiredDay[]): void {
  const total = (value: (day: ExpiredDay) => number) => removed.reduce((sum, day) => sum + value(day), 0);
  if (json === true) {
    const days = dryRun === true ? candidates : removed;
    const sums = { rows: total(({ rows }) => rows), bytes: total(({ bytes }) => bytes) };
    process.stdout.write(
      `${JSON.stringify({ keep: formatDuration(keep), dryRun: dryRun === true, days, removed: sums, left })}\n`,
    );
    return;
  }
  if (candidates.length > 0) {
    process.stdout.write(
      `${formatTable(COLUMNS, candidates)}\nwould remove ${describe(candidates)}; nothing is removed: --dry-run\n`,
    );
  } else if (removed.length > 0) process.stdout.write(`${formatTable(COLUMNS, removed)}\nremoved ${describe(removed)}\n`);
  else if (left === 0) process.stdout.write(`nothing to remove: no day is older than ${formatDuration(keep)}\n`);
  if (left > 0) {
    process.stderr.write(
      `keepwatch: ${plural(left, 'day')} to remove ${left === 1 ? 'is' : 'are'} in use and still there; prune again later\n`,
    );
  }
}

function describe(days: readonly ExpiredDay[]): string {
  const rows = days.reduce((sum, day) => sum + day.rows, 0);
  const bytes = days.reduce((sum, day) => sum + day.bytes, 0);
  return `${plural(days.length, 'day')}, ${plural(rows, 'event')}, ${formatBytes(bytes)}`;
}

const COLUMNS: Column<ExpiredDay>[] = [
  { title: 'DAY', cell: ({ day }) => day },
  { title: 'EVENTS', align: 'right', cell: ({ rows }) => formatCount(rows) },
  { title: 'SIZE', align: 'right', cell: ({ bytes }) => formatBytes(bytes) },
];
