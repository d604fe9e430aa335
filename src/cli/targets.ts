// keepwatch targets: the targets beside code, declared, measured, pass or fail.
import type { Command } from 'commander';
import { type MeasuredTarget, measureTargets } from '../alerts/definitions/targets.ts';
import { loadConfig } from '../config.ts';
import { EXIT } from './exit.ts';
import { addDays, type RangeFlags, rangeOf, typeOption } from './filters.ts';
import { withStorage } from './storage.ts';
import { type Column, formatCount, formatMs, formatTable, plural } from './table.ts';

const DEFAULT_DAYS = 1;

interface Flags extends RangeFlags {
  readonly service?: string;
  readonly type?: string;
  readonly name?: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

export function addTargets(program: Command): void {
  const command = program.command('targets').description('show the targets beside code: declared, measured, pass or fail');
  addDays(command, DEFAULT_DAYS)
    .addOption(typeOption())
    .option('--name <name>', 'only this name, for example "POST /chat"')
    .option('--service <service>', 'only this service')
    .option('--check', 'exit code 1 when one fails')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Code declares them where it measures: tracker.track({ type: 'tool', name: 'search', target: { p95: '3s' } }, …)

Examples:
  keepwatch targets --days 7
  keepwatch targets --from 1h --check
  keepwatch targets --json | jq '.[] | select(.state == "fail")'`,
    )
    .action(run);
}

async function run({ service, type, name, check, json, ...flags }: Flags): Promise<void> {
  const range = rangeOf(flags, DEFAULT_DAYS);
  const targets = await withStorage(loadConfig(), ({ database }) => measureTargets(database, { ...range, service, type, name }));
  const failed = targets.filter(({ state }) => state === 'fail').length;
  if (json === true) process.stdout.write(`${JSON.stringify(targets)}\n`);
  else if (targets.length === 0) process.stdout.write("no targets: declare one beside code, target: { p95: '3s' }\n");
  else process.stdout.write(`${formatTable(COLUMNS, targets)}\n`);
  if (check !== true || failed === 0) return;
  process.stderr.write(`keepwatch: ${plural(failed, 'target')} of ${formatCount(targets.length)} missed\n`);
  process.exitCode = EXIT.checkFailed;
}

const STATES = { pass: 'pass', fail: 'FAIL', no_data: 'no data' } as const;

const COLUMNS: Column<MeasuredTarget>[] = [
  { title: 'SERVICE', cell: (row) => row.service },
  { title: 'TYPE', cell: (row) => row.type },
  { title: 'NAME', cell: (row) => row.name },
  { title: 'COUNT', align: 'right', cell: (row) => formatCount(row.count) },
  { title: 'QUANTILE', cell: (row) => row.label },
  { title: 'TARGET', align: 'right', cell: (row) => formatMs(row.limit_ms) },
  { title: 'MEASURED', align: 'right', cell: (row) => formatMs(row.measured_ms) },
  { title: 'STATE', cell: (row) => STATES[row.state] },
];
