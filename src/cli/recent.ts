// keepwatch recent: the newest events of the archive.
import type { Command } from 'commander';
import { createArchiveQueries } from '../archive/queries.ts';
import { loadConfig } from '../config.ts';
import { integerBetween } from './parse.ts';
import { withStorage } from './storage.ts';
import { type Column, formatMs, formatTable } from './table.ts';

export function addRecent(program: Command): void {
  program
    .command('recent')
    .description('show the newest events')
    .option('--name <name>', 'only this name, for example support_agent')
    .option('--limit <n>', 'how many', integerBetween(1, 1000), 10)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  keepwatch recent --limit 20\n  keepwatch recent --name support_agent --json')
    .action(run);
}

async function run({ name, limit, json }: { name?: string; limit: number; json?: boolean }): Promise<void> {
  await withStorage(loadConfig(), async ({ database }) => {
    const events = await createArchiveQueries(database).recent({ name, limit });
    if (json === true) process.stdout.write(`${JSON.stringify(events)}\n`);
    else process.stdout.write(events.length === 0 ? 'no events\n' : `${formatTable(COLUMNS, events)}\n`);
  });
}

type Row = Awaited<ReturnType<ReturnType<typeof createArchiveQueries>['recent']>>[number];

const COLUMNS: Column<Row>[] = [
  { title: 'END', cell: (row) => row.end_time },
  { title: 'TYPE', cell: (row) => row.type },
  { title: 'NAME', cell: (row) => row.name },
  { title: 'STATUS', cell: (row) => row.status },
  { title: 'DURATION', align: 'right', cell: (row) => formatMs(row.duration_ms) },
  { title: 'TRACE', cell: (row) => row.trace_id ?? '-' },
  { title: 'ERROR', cell: (row) => (row.error ?? '').slice(0, 60) },
];
