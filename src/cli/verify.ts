// keepwatch verify: proves the accounting law, or shows where it does not hold.
import type { Command } from 'commander';
import { type VerifyProgress, type VerifyReport, verifyArchive } from '../archive/verify/verify.ts';
import { loadConfig } from '../config.ts';
import { closeDatabase, createDatabase } from '../db/database.ts';
import { EXIT } from './exit.ts';
import { untilInterrupted } from './interrupt.ts';
import { refuseFilesAlone, withStorage } from './storage.ts';
import { type Column, formatTable, plural } from './table.ts';

interface Flags {
  readonly json?: boolean;
  readonly ids?: boolean;
  readonly series?: boolean;
}

/** To count a partition may take long; the statement is ended by Ctrl-C, not by a clock. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('prove that every recorded event is archived, queued or accounted for, and none twice; exit code 1 when not')
    .option('--series', 'show the counts of every series')
    .option('--ids', 'compare the ids of all rows, in partitions of more than a million rows too')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  keepwatch verify\n  keepwatch verify --json | jq .totals')
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const config = loadConfig();
  refuseFilesAlone(config, 'verify');
  await untilInterrupted(async (signal) => {
    try {
      await withStorage(config, ({ url }) => verify(url, config.spoolDir, { ...flags, signal }));
    } catch (error) {
      clearLine();
      if (!signal.aborted) throw error;
      process.stderr.write('keepwatch: stopped; nothing is proved, and nothing was changed\n');
    }
  });
}

async function verify(
  url: string,
  spoolDir: string,
  { json, ids, series, signal }: Flags & { signal: AbortSignal },
): Promise<void> {
  const database = createDatabase({ url, max: 2, applicationName: 'keepwatch verify', queryTimeoutMs: NO_TIMEOUT_MS });
  try {
    const options = { allIds: ids === true, allSeries: series === true, signal, onProgress: show };
    const report = await verifyArchive({ database, spoolDir, ...options });
    clearLine();
    process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : describe(report, series === true));
    if (!report.ok) process.exitCode = EXIT.checkFailed;
  } finally {
    await closeDatabase(database);
  }
}

function show({ what, doneBytes, totalBytes }: VerifyProgress): void {
  if (!process.stderr.isTTY) return;
  const percent = totalBytes === 0 ? '' : ` ${Math.floor((100 * doneBytes) / totalBytes)} %`;
  process.stderr.write(`\r\u001b[Kreading ${what}${percent}`);
}

function clearLine(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}

type Row = VerifyReport['sources'][number];
type SeriesRow = Row['series'][number] & Pick<Row, 'sourceId' | 'lane'>;

function describe(report: VerifyReport, hasSeries: boolean): string {
  if (report.sources.length === 0) return 'ok: no source has written anything yet\n';
  const lines = [formatTable(COLUMNS, report.sources), ''];
  if (hasSeries) {
    const rows = report.sources.flatMap(({ sourceId, lane, series }) => series.map((each) => ({ sourceId, lane, ...each })));
    lines.push(formatTable(SERIES_COLUMNS, rows), '');
  }
  lines.push(...report.sources.flatMap((row) => row.losses.map(({ message }) => `lost: ${message}`)));
  const { recorded, seriesRecorded } = report.totals;
  if (seriesRecorded < recorded) {
    lines.push(
      `${recorded - seriesRecorded} of ${plural(recorded, 'event')} are proved by source and lane, not by series: a process tells ` +
        'which series they are of within 10 s, unless it was killed',
    );
  }
  if (report.uncomparedIds > 0) lines.push(`the ids of ${report.uncomparedIds} rows are not compared: --ids does`);
  const problems = report.sources.flatMap((row) => row.problems);
  lines.push(...problems.flatMap(({ message, advice }) => [message, `  ${advice}`]));
  lines.push(...describeRollups(report.rollups));
  const law = 'recorded = archived + dead-lettered + quarantined + queued + sampled out + dropped';
  const differences = problems.length + report.rollups.differences;
  lines.push(
    report.ok
      ? `ok: ${law}, every archived event is there once, and rollups equal raw rows`
      : `FAILED: ${differences} differences`,
  );
  return `${lines.join('\n')}\n`;
}

function describeRollups({ historyDays, backlogBatches, startedAt, differences, problems }: VerifyReport['rollups']): string[] {
  const lines = problems.map(({ message }) => message);
  if (differences > problems.length) lines.push(`and ${differences - problems.length} more rollups that differ`);
  if (historyDays > 0) lines.push(`${historyDays} days have rows from before ${startedAt} that are not in the rollups yet`);
  if (backlogBatches > 0) lines.push(`${backlogBatches} batches of older versions are not in the rollups yet`);
  return lines;
}

const COLUMNS: Column<Row>[] = [
  { title: 'SOURCE', cell: (row) => row.sourceId },
  { title: 'SERVICE', cell: (row) => row.service },
  { title: 'LANE', cell: (row) => row.lane },
  { title: 'RECORDED', align: 'right', cell: (row) => String(row.recorded) },
  { title: 'ARCHIVED', align: 'right', cell: (row) => String(row.archived) },
  { title: 'DEAD', align: 'right', cell: (row) => String(row.deadLettered) },
  { title: 'QUARANTINED', align: 'right', cell: (row) => String(row.quarantined) },
  { title: 'SAMPLED OUT', align: 'right', cell: (row) => String(row.sampledOut) },
  { title: 'DROPPED', align: 'right', cell: (row) => String(Object.values(row.dropped).reduce((sum, count) => sum + count, 0)) },
  { title: 'QUEUED', align: 'right', cell: (row) => String(row.queued) },
  { title: 'ROWS', align: 'right', cell: (row) => String(row.rows) },
  { title: 'EXPIRED', align: 'right', cell: (row) => String(row.expired) },
  {
    title: 'STATE',
    cell: (row) =>
      (row.closed ? 'closed' : 'open') +
      (row.unknownTailBytes > 0 ? `, tail of ${row.unknownTailBytes} B unknown (at most 250 ms)` : ''),
  },
];

const SERIES_COLUMNS: Column<SeriesRow>[] = [
  { title: 'SOURCE', cell: (row) => row.sourceId },
  { title: 'LANE', cell: (row) => row.lane },
  { title: 'TYPE', cell: (row) => row.type },
  { title: 'NAME', cell: (row) => row.name },
  { title: 'RECORDED', align: 'right', cell: (row) => String(row.recorded) },
  { title: 'ROWS', align: 'right', cell: (row) => String(row.rows) },
  { title: 'EXPIRED', align: 'right', cell: (row) => String(row.expired) },
  { title: 'DEAD', align: 'right', cell: (row) => String(row.deadLettered) },
  { title: 'QUARANTINED', align: 'right', cell: (row) => String(row.quarantined) },
  { title: 'QUEUED', align: 'right', cell: (row) => String(row.queued) },
  { title: 'DROPPED', align: 'right', cell: (row) => String(row.dropped) },
  { title: 'UNNAMED', align: 'right', cell: (row) => String(row.unnamed) },
];
