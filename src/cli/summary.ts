// keepwatch summary: counts, success rates and latencies of the archive, per type and name.
import type { Command } from 'commander';
import type { SummaryRow } from '../archive/queries.ts';
import { loadConfig } from '../config.ts';
import { addDays, describeRange, type RangeFlags, rangeOf, typeOption } from './filters.ts';
import { withHistory } from './history.ts';
import { type Column, formatMs, formatTable } from './table.ts';

const DEFAULT_DAYS = 7;

export function addSummary(program: Command): void {
  const command = program.command('summary').description('show count, failures, success rate and latencies per type and name');
  addDays(command, DEFAULT_DAYS)
    .addOption(typeOption())
    .option('--name <name>', 'only this name, for example "POST /chat"')
    .option('--service <service>', 'only this service')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  keepwatch summary --days 1
  keepwatch summary --from 2026-11-20 --to 2026-11-21 --type api
  keepwatch summary --from 90m --type llm --json | jq '.rows[] | {name, p95_ms}'`,
    )
    .action(run);
}

interface Flags extends RangeFlags {
  readonly type?: string;
  readonly name?: string;
  readonly service?: string;
  readonly json?: boolean;
}

async function run({ type, name, service, json, ...range }: Flags): Promise<void> {
  const { from, to } = rangeOf(range, DEFAULT_DAYS);
  const rows = await withHistory(loadConfig(), (history) => history.summary({ from, to, type, name, service }));
  if (json === true) process.stdout.write(`${JSON.stringify({ from, to, rows })}\n`);
  else if (rows.length === 0) process.stdout.write(`no events ${describeRange({ from, to })}\n`);
  else process.stdout.write(`${formatTable(COLUMNS, rows)}\n`);
}

const COLUMNS: Column<SummaryRow>[] = [
  { title: 'TYPE', cell: (row) => row.type },
  { title: 'NAME', cell: (row) => row.name },
  { title: 'COUNT', align: 'right', cell: (row) => String(row.count) },
  { title: 'FAILURES', align: 'right', cell: (row) => String(row.failures) },
  { title: 'ABORTED', align: 'right', cell: (row) => String(row.aborted) },
  { title: 'SUCCESS', align: 'right', cell: (row) => formatShare(row.success_rate) },
  { title: 'AVG', align: 'right', cell: (row) => formatMs(row.avg_ms) },
  { title: 'P50', align: 'right', cell: (row) => formatMs(row.p50_ms) },
  { title: 'P95', align: 'right', cell: (row) => formatMs(row.p95_ms) },
  { title: 'P99', align: 'right', cell: (row) => formatMs(row.p99_ms) },
  { title: 'MAX', align: 'right', cell: (row) => formatMs(row.max_ms) },
];

/** `99.20 %`; a dash where all were aborted. */
function formatShare(share: number | null): string {
  return share === null ? '-' : `${(share * 100).toFixed(2)} %`;
}
