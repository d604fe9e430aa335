// keepwatch logs: the newest log lines of the archive.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createArchiveQueries } from '../archive/queries.ts';
import { loadConfig } from '../config.ts';
import { LOG_LEVELS, type LogLevel } from '../log.ts';
import type { LogRow } from '../log-row.ts';
import { describeRange, type RangeFlags, rangeOf } from './filters.ts';
import { integerBetween, timeBefore } from './parse.ts';
import { refuseFilesAlone, withStorage } from './storage.ts';
import { type Column, formatTable } from './table.ts';

export function addLogs(program: Command): void {
  program
    .command('logs')
    .description('show the newest log lines')
    .option('--from <time>', 'lines logged at or after: 2026-11-20, 2026-11-20T12:00Z, 90m (ago)', timeBefore(Date.now()))
    .option('--to <time>', 'lines logged before; default now', timeBefore(Date.now()))
    .addOption(new Option('--level <level>', 'lines of at least this level').choices(Object.keys(LOG_LEVELS)))
    .option('--service <service>', 'only this service')
    .option('--logger <name>', 'only the logger of this name')
    .option('--trace <id>', 'only this trace, 32 hexadecimal digits', traceId)
    .option('--message <text>', 'only messages that have this part')
    .option('--limit <n>', 'how many', integerBetween(1, 1000), 50)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The newest come first. There are lines where a logger writes to keepwatch.logStream() (docs/logs.md).

Examples:
  keepwatch logs --level warn --from 2h
  keepwatch logs --trace 0af7651916cd43dd8448eb211c80319c --json
  keepwatch logs --message refused --logger orders --limit 10`,
    )
    .action(run);
}

interface Flags extends Omit<RangeFlags, 'days'> {
  readonly level?: LogLevel;
  readonly service?: string;
  readonly logger?: string;
  readonly trace?: string;
  readonly message?: string;
  readonly limit: number;
  readonly json?: boolean;
}

async function run({ trace, json, from, to, ...filter }: Flags): Promise<void> {
  const range = rangeOf({ ...(from && { from }), ...(to && { to }) });
  const query = { ...range, ...filter, traceId: trace };
  const config = loadConfig();
  refuseFilesAlone(config, 'logs');
  const { logs } = await withStorage(config, ({ database }) => createArchiveQueries(database).logs(query));
  if (json === true) process.stdout.write(`${JSON.stringify(logs)}\n`);
  else if (logs.length > 0) process.stdout.write(`${formatTable(COLUMNS, logs)}\n`);
  else process.stdout.write(range.from.getTime() === 0 ? 'no log lines\n' : `no log lines ${describeRange(range)}\n`);
}

function traceId(text: string): string {
  const digits = text.replaceAll('-', '').toLowerCase();
  if (!/^(?!0{32})[\da-f]{32}$/.test(digits)) {
    throw new InvalidArgumentError('allowed: a trace id, as 32 hexadecimal digits or as a uuid, not all zero.');
  }
  return digits;
}

const COLUMNS: Column<LogRow>[] = [
  { title: 'TIME', cell: (row) => row.time },
  { title: 'LEVEL', cell: (row) => row.level },
  { title: 'SERVICE', cell: (row) => row.service },
  { title: 'LOGGER', cell: (row) => row.logger ?? '-' },
  { title: 'TRACE', cell: (row) => row.trace_id ?? '-' },
  { title: 'MESSAGE', cell: (row) => row.message.slice(0, 200) },
];
