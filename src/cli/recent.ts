// keepwatch recent: the newest events of the archive.
import type { Command } from 'commander';
import type { EventRow } from '../archive/queries/events.ts';
import { loadConfig } from '../config.ts';
import { addDays, describeRange, type RangeFlags, rangeOf, statusOption, typeOption } from './filters.ts';
import { withHistory } from './history.ts';
import { integerBetween } from './parse.ts';
import { type Column, formatMs, formatTable } from './table.ts';

export function addRecent(program: Command): void {
  const command = program.command('recent').description('show the newest events');
  addDays(command, undefined)
    .addOption(typeOption())
    .option('--name <name>', 'only this name, for example support_agent')
    .option('--service <service>', 'only this service')
    .addOption(statusOption())
    .option('--limit <n>', 'how many', integerBetween(1, 1000), 10)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  keepwatch recent --limit 20
  keepwatch recent --name support_agent --json
  keepwatch recent --status failure --from 2h`,
    )
    .action(run);
}

interface Flags extends RangeFlags {
  readonly type?: string;
  readonly name?: string;
  readonly service?: string;
  readonly status?: string;
  readonly limit: number;
  readonly json?: boolean;
}

async function run({ type, name, service, status, limit, json, ...range }: Flags): Promise<void> {
  const { from, to } = rangeOf(range);
  const query = { from, to, type, name, service, status, limit };
  const events = await withHistory(loadConfig(), (history) => history.recent(query));
  if (json === true) process.stdout.write(`${JSON.stringify(events)}\n`);
  else if (events.length > 0) process.stdout.write(`${formatTable(COLUMNS, events)}\n`);
  else process.stdout.write(from.getTime() === 0 ? 'no events\n' : `no events ${describeRange({ from, to })}\n`);
}

const COLUMNS: Column<EventRow>[] = [
  { title: 'END', cell: (row) => row.end_time },
  { title: 'TYPE', cell: (row) => row.type },
  { title: 'NAME', cell: (row) => row.name },
  { title: 'STATUS', cell: (row) => row.status },
  { title: 'DURATION', align: 'right', cell: (row) => formatMs(row.duration_ms) },
  { title: 'TRACE', cell: (row) => row.trace_id ?? '-' },
  { title: 'ERROR', cell: (row) => (row.error ?? '').slice(0, 60) },
];
