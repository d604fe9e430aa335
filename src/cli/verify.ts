// keepwatch verify: proves the accounting law, or shows where it does not hold.
import type { Command } from 'commander';
import { verifyArchive } from '../archive/verify.ts';
import { loadConfig } from '../config.ts';
import { EXIT } from './exit.ts';
import { withStorage } from './storage.ts';
import { type Column, formatTable } from './table.ts';

export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('prove that every recorded event is archived, queued or accounted for, and none twice; exit code 1 when not')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  keepwatch verify\n  keepwatch verify --json | jq .totals')
    .action(run);
}

async function run({ json }: { json?: boolean }): Promise<void> {
  const config = loadConfig();
  await withStorage(config, async ({ database }) => {
    const report = await verifyArchive({ database, spoolDir: config.spoolDir });
    if (json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
    else process.stdout.write(describe(report));
    if (!report.ok) process.exitCode = EXIT.checkFailed;
  });
}

type Report = Awaited<ReturnType<typeof verifyArchive>>;
type Row = Report['sources'][number];

function describe(report: Report): string {
  if (report.sources.length === 0) return 'ok: no source has written anything yet\n';
  const problems = report.sources.flatMap((row) => row.problems.map((problem) => `${problem}\n`));
  const law = 'recorded = archived + dead-lettered + quarantined + sampled out + dropped';
  const verdict = report.ok ? `ok: ${law}, and every archived event is there once\n` : `FAILED: ${problems.length} differences\n`;
  return `${formatTable(COLUMNS, report.sources)}\n\n${problems.join('')}${verdict}`;
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
      (row.closed ? 'closed' : 'open') + (row.unknownTailBytes > 0 ? `, tail of ${row.unknownTailBytes} B unknown` : ''),
  },
];
