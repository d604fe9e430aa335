// keepwatch summary: counts, success rates and latencies of the archive, per type and name.
import { type Command, Option } from 'commander';
import { createArchiveQueries } from '../archive/queries.ts';
import { loadConfig } from '../config.ts';
import { EVENT_TYPES } from '../event.ts';
import { integerBetween } from './parse.ts';
import { withStorage } from './storage.ts';
import { type Column, formatMs, formatTable } from './table.ts';

export function addSummary(program: Command): void {
  program
    .command('summary')
    .description('show count, failures, success rate and latencies per type and name')
    .option('--days <n>', 'how many days back', integerBetween(1, 3650), 7)
    .addOption(new Option('--type <type>', 'only this type').choices(EVENT_TYPES))
    .option('--name <name>', 'only this name, for example "POST /chat"')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  keepwatch summary --days 1\n  keepwatch summary --type llm --json')
    .action(run);
}

interface Options {
  readonly days: number;
  readonly type?: string;
  readonly name?: string;
  readonly json?: boolean;
}

async function run({ days, type, name, json }: Options): Promise<void> {
  await withStorage(loadConfig(), async ({ database }) => {
    const to = new Date();
    const from = new Date(to.getTime() - days * 86_400_000);
    const rows = await createArchiveQueries(database).summary({ from, to, type, name });
    if (json === true) process.stdout.write(`${JSON.stringify({ from, to, rows })}\n`);
    else if (rows.length === 0) process.stdout.write(`no events in the last ${days} ${days === 1 ? 'day' : 'days'}\n`);
    else process.stdout.write(`${formatTable(COLUMNS, rows)}\n`);
  });
}

type Row = Awaited<ReturnType<ReturnType<typeof createArchiveQueries>['summary']>>[number];

const COLUMNS: Column<Row>[] = [
  { title: 'TYPE', cell: (row) => row.type },
  { title: 'NAME', cell: (row) => row.name },
  { title: 'COUNT', align: 'right', cell: (row) => String(row.count) },
  { title: 'FAILURES', align: 'right', cell: (row) => String(row.failures) },
  { title: 'SUCCESS', align: 'right', cell: (row) => `${(row.success_rate * 100).toFixed(2)} %` },
  { title: 'AVG', align: 'right', cell: (row) => formatMs(row.avg_ms) },
  { title: 'P50', align: 'right', cell: (row) => formatMs(row.p50_ms) },
  { title: 'P95', align: 'right', cell: (row) => formatMs(row.p95_ms) },
  { title: 'P99', align: 'right', cell: (row) => formatMs(row.p99_ms) },
  { title: 'MAX', align: 'right', cell: (row) => formatMs(row.max_ms) },
];
