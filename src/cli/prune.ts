// keepwatch prune: removes days of raw events and log lines, and months of rollups, at once, after asking.
import type { Command } from 'commander';
import type { ExpiredDay, ExpiredMonth, Prunable, Pruned } from '../archive/maintenance/prune.ts';
import { loadConfig } from '../config.ts';
import { KeepwatchError } from '../errors.ts';
import { formatDuration } from '../units.ts';
import { confirm } from './confirm.ts';
import { EXIT } from './exit.ts';
import { type History, withHistory } from './history.ts';
import { untilInterrupted } from './interrupt.ts';
import { durationOf } from './parse.ts';
import { createProgress } from './progress.ts';
import { type Column, formatBytes, formatCount, formatTable, plural } from './table.ts';

interface Flags {
  readonly keep: number;
  readonly keepRollups?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const DAY_MS = 86_400_000;

export function addPrune(program: Command): void {
  program
    .command('prune')
    .description('remove days of raw events and log lines, and months of rollups, that are older than what is to be kept, now')
    .requiredOption(
      '--keep <duration>',
      'how much to keep: 30d, 4w; whole UTC days go, the newest of them an hour late',
      durationOf(DAY_MS),
    )
    .option(
      '--keep-rollups <duration>',
      'how much of rollups: 400d; whole UTC months go. Default: they all stay',
      durationOf(DAY_MS),
    )
    .option('--dry-run', 'only say what would go')
    .option('--yes', 'do not ask, on a terminal either')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
KEEPWATCH_RETENTION and KEEPWATCH_ROLLUP_RETENTION do the same every few minutes, while a process runs. Nothing brings back what is removed:
keepwatch export first, if events may be wanted. Exit code 1: some of it is in use, and stays until the next time.

Examples:
  keepwatch prune --keep 30d --dry-run
  keepwatch prune --keep 7d --keep-rollups 90d --yes --json`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const { keep: keepMs, keepRollups: keepRollupsMs } = flags;
  if (keepRollupsMs !== undefined && keepRollupsMs < keepMs) {
    const [rollups, events] = [formatDuration(keepRollupsMs), formatDuration(keepMs)];
    throw new KeepwatchError('ERR_USAGE', `--keep-rollups: got ${rollups}; allowed: at least what --keep is (${events})`);
  }
  const config = loadConfig();
  await untilInterrupted((signal) =>
    withHistory(config, async (history) => {
      const found = await history.prunable({ keepMs, keepRollupsMs, signal });
      if (signal.aborted) process.stderr.write('keepwatch: stopped; nothing is removed\n');
      else if (isNothing(found) || flags.dryRun === true) print(flags, { ...NOTHING, left: 0 }, found);
      else if (await isWanted(found, flags, signal)) await prune(history, found, flags, signal);
      else process.stderr.write('nothing is removed\n');
    }),
  );
}

const NOTHING: Prunable = { days: [], logDays: [], months: [] };

function isNothing({ days, logDays, months }: Prunable): boolean {
  return days.length === 0 && logDays.length === 0 && months.length === 0;
}

/** Asks, unless that was said with the command. */
async function isWanted(found: Prunable, { yes, json }: Flags, signal: AbortSignal): Promise<boolean> {
  if (yes === true) return true;
  return confirm(`Remove ${describe(found)}?`, signal, json === true ? '' : `${tablesOf(found)}\n`);
}

async function prune(history: History, found: Prunable, flags: Flags, signal: AbortSignal): Promise<void> {
  const progress = createProgress();
  const removed = new Set<string>();
  const total = found.days.length + found.logDays.length + found.months.length;
  const pruned = await history.prune({
    keepMs: flags.keep,
    keepRollupsMs: flags.keepRollups,
    signal,
    onRemoved: (what) => {
      removed.add(what);
      progress.show(() => `removed ${what}  ${removed.size} of ${total}`);
    },
    onWait: (what) => progress.show(() => `waiting for ${what}`),
  });
  progress.clear();
  print(flags, pruned, NOTHING);
  if (pruned.left > 0) process.exitCode = EXIT.checkFailed;
}

/** @param candidates of a dry run */
function print({ keep, keepRollups, dryRun, json }: Flags, pruned: Pruned, candidates: Prunable): void {
  const { left } = pruned;
  if (json === true) {
    const { days, logDays, months } = dryRun === true ? candidates : pruned;
    const sums = { removed: sum(pruned.days), removedLogs: sum(pruned.logDays), removedRollups: sum(pruned.months) };
    const kept = { keep: formatDuration(keep), keepRollups: keepRollups === undefined ? 'all' : formatDuration(keepRollups) };
    process.stdout.write(`${JSON.stringify({ ...kept, dryRun: dryRun === true, days, logDays, months, ...sums, left })}\n`);
    return;
  }
  if (!isNothing(candidates)) {
    process.stdout.write(`${tablesOf(candidates)}\nwould remove ${describe(candidates)}; nothing is removed: --dry-run\n`);
  } else if (!isNothing(pruned)) process.stdout.write(`${tablesOf(pruned)}\nremoved ${describe(pruned)}\n`);
  else if (left === 0) {
    const months = keepRollups === undefined ? '' : `, and no month of rollups older than ${formatDuration(keepRollups)}`;
    process.stdout.write(`nothing to remove: no day is older than ${formatDuration(keep)}${months}\n`);
  }
  if (left > 0) {
    const what = keepRollups === undefined ? plural(left, 'day') : plural(left, 'day or month', 'days or months');
    process.stderr.write(`keepwatch: ${what} to remove ${left === 1 ? 'is' : 'are'} in use and still there; prune again later\n`);
  }
}

function describe({ days, logDays, months }: Prunable): string {
  const parts: string[] = [];
  if (days.length > 0) {
    const { rows, bytes } = sum(days);
    parts.push(`${plural(days.length, 'day')}, ${plural(rows, 'event')}, ${formatBytes(bytes)}`);
  }
  if (logDays.length > 0) {
    const { rows, bytes } = sum(logDays);
    parts.push(`${plural(logDays.length, 'day')} of log lines, ${plural(rows, 'line')}, ${formatBytes(bytes)}`);
  }
  if (months.length > 0) {
    const { rows, bytes } = sum(months);
    parts.push(`rollups of ${plural(months.length, 'month')}, ${plural(rows, 'row')}, ${formatBytes(bytes)}`);
  }
  return parts.join('; ');
}

function sum(parts: readonly { readonly rows: number; readonly bytes: number }[]): { rows: number; bytes: number } {
  return parts.reduce((all, { rows, bytes }) => ({ rows: all.rows + rows, bytes: all.bytes + bytes }), { rows: 0, bytes: 0 });
}

function tablesOf({ days, logDays, months }: Prunable): string {
  const tables = [
    ...(days.length > 0 ? [formatTable(DAY_COLUMNS, days)] : []),
    ...(logDays.length > 0 ? [formatTable(LOG_COLUMNS, logDays)] : []),
    ...(months.length > 0 ? [formatTable(MONTH_COLUMNS, months)] : []),
  ];
  return tables.join('\n\n');
}

const SIZE: Column<{ readonly bytes: number }> = { title: 'SIZE', align: 'right', cell: ({ bytes }) => formatBytes(bytes) };

const DAY_COLUMNS: Column<ExpiredDay>[] = [
  { title: 'DAY', cell: ({ day }) => day },
  { title: 'EVENTS', align: 'right', cell: ({ rows }) => formatCount(rows) },
  SIZE,
];

const LOG_COLUMNS: Column<ExpiredDay>[] = [
  { title: 'LOGS OF', cell: ({ day }) => day },
  { title: 'LINES', align: 'right', cell: ({ rows }) => formatCount(rows) },
  SIZE,
];

const MONTH_COLUMNS: Column<ExpiredMonth>[] = [
  { title: 'ROLLUPS OF', cell: ({ month }) => month },
  { title: 'ROWS', align: 'right', cell: ({ rows }) => formatCount(rows) },
  SIZE,
];
