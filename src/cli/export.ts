// keepwatch export: events as lines of JSON or CSV, to stdout or a file.
import { type Command, Option } from 'commander';
import { EXPORT_FORMATS, type Exported, type ExportFormat, exportEvents } from '../archive/transfer/export.ts';
import { loadConfig } from '../config.ts';
import { closeDatabase, createDatabase } from '../db/database.ts';
import { KeepwatchError } from '../errors.ts';
import { addDays, type RangeFlags, rangeOf, statusOption, typeOption } from './filters.ts';
import { untilInterrupted } from './interrupt.ts';
import { openOutput } from './output.ts';
import { createProgress, describeTransfer } from './progress.ts';
import { refuseFilesAlone, withStorage } from './storage.ts';
import { formatBytes, plural } from './table.ts';

interface Flags extends RangeFlags {
  readonly type?: string;
  readonly name?: string;
  readonly service?: string;
  readonly status?: string;
  readonly format?: ExportFormat;
  readonly gzip?: boolean;
  readonly output?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** A day of many events is sorted before its first line; Ctrl-C ends that, and no clock. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

export function addExport(program: Command): void {
  const command = program.command('export').description('write raw events as lines of JSON or CSV, every column without loss');
  addDays(command, undefined)
    .addOption(typeOption())
    .option('--name <name>', 'only this name')
    .option('--service <service>', 'only this service')
    .addOption(statusOption())
    .addOption(new Option('--format <format>', 'default: ndjson, or csv for a file that is named so').choices(EXPORT_FORMATS))
    .option('--gzip', 'compress; by itself for a file that is named .gz')
    .option('--output <file>', 'default: stdout. The file has its name only when it is whole')
    .option('--force', 'replace the file when it is there')
    .option('--json', 'with --output: print as JSON what was written')
    .addHelpText(
      'after',
      `
Events come by the day, in the order of end_time and id, all as of one moment. keepwatch import reads the lines of JSON again.

Examples:
  keepwatch export --from 2026-11-01 --to 2026-12-01 --output november.ndjson.gz
  keepwatch export --days 1 --type llm | jq -c '{name, duration_ms, tokens: .metadata.total_tokens}'
  keepwatch export --status failure --format csv --output failures.csv`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const { output: file, type, name, service, status } = flags;
  const range = rangeOf(flags);
  const plain = file?.replace(/\.gz$/i, '');
  const format = flags.format ?? (plain !== undefined && /\.csv$/i.test(plain) ? 'csv' : 'ndjson');
  const gzip = flags.gzip ?? plain !== file;
  if (file === undefined && flags.json === true) throw new KeepwatchError('ERR_USAGE', '--json: allowed with --output <file>');
  if (file === undefined && gzip && process.stdout.isTTY)
    throw new KeepwatchError('ERR_USAGE', '--gzip: stdout is a terminal; allowed: a pipe, or --output <file>');
  const config = loadConfig();
  refuseFilesAlone(config, 'export');
  await untilInterrupted((signal) =>
    withStorage(config, async ({ url }) => {
      const database = createDatabase({ url, max: 2, applicationName: 'keepwatch export', queryTimeoutMs: NO_TIMEOUT_MS });
      const progress = createProgress();
      let exported: Exported = { rows: 0, bytes: 0 };
      const startedMs = performance.now();
      const onProgress = ({ share, ...done }: Exported & { share: number }) => {
        exported = done;
        progress.show(() => describeTransfer(done, { seconds: (performance.now() - startedMs) / 1000, share }));
      };
      const output = await openOutput({ file, gzip, force: flags.force === true });
      try {
        const filter = { type, name, service, status };
        await exportEvents({ database, ...range, filter, format, write: output.write, signal, onProgress });
        await output.finish();
        progress.clear();
        say(flags, exported);
      } catch (error) {
        progress.clear();
        await output.abandon();
        if (signal.aborted) sayStopped(flags, exported);
        // Whoever reads stdout has seen enough.
        else if (file !== undefined || (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
      } finally {
        await closeDatabase(database, { timeoutMs: 1000 });
      }
    }),
  );
}

function say({ output, json }: Flags, { rows, bytes }: Exported): void {
  if (json === true) process.stdout.write(`${JSON.stringify({ file: output, rows, bytes })}\n`);
  else
    process.stderr.write(
      `exported ${plural(rows, 'event')}, ${formatBytes(bytes)}${output === undefined ? '' : ` to ${output}`}\n`,
    );
}

function sayStopped({ output }: Flags, { rows }: Exported): void {
  const what = output === undefined ? `${plural(rows, 'event')} were written` : 'nothing is written';
  process.stderr.write(`keepwatch: stopped; ${what}\n`);
}
