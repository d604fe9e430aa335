// keepwatch import: files of events into the archive, each line once.
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { EXPIRED_CHOICES, type ExpiredChoice, Importer, type ImportResult } from '../archive/transfer/import.ts';
import { loadConfig } from '../config.ts';
import { closeDatabase, createDatabase } from '../db/database.ts';
import { describeError, KeepwatchError } from '../errors.ts';
import { EVENT_TYPES, type EventType } from '../event.ts';
import { createLogger } from '../logger.ts';
import { EXIT } from './exit.ts';
import { createImportProgress } from './import-progress.ts';
import { untilInterrupted } from './interrupt.ts';
import { createProgress } from './progress.ts';
import { withStorage } from './storage.ts';
import { formatCount, plural } from './table.ts';

interface Flags {
  readonly service?: string;
  readonly type: EventType;
  readonly expired: ExpiredChoice;
  readonly skipBroken?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const NO_TIMEOUT_MS = 2 ** 31 - 1;

export function addImport(program: Command): void {
  program
    .command('import')
    .description('read events from files of JSON lines into the archive, each line once')
    .argument(
      '<files...>',
      'NDJSON, plain or gzip: of keepwatch export, of KEEPWATCH_JSONL_DIR, or .metrics/*.jsonl; - for stdin',
    )
    .addOption(
      new Option('--expired <what>', 'what to do with events older than KEEPWATCH_RETENTION')
        .choices(EXPIRED_CHOICES)
        .default('refuse'),
    )
    .option('--skip-broken', 'import the other lines of a file that has broken ones')
    .option('--service <service>', 'of lines that name none; default KEEPWATCH_SERVICE')
    .addOption(new Option('--type <type>', 'of lines that name none').choices(EVENT_TYPES).default('custom'))
    .option('--dry-run', 'only check the files')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
A file that was imported adds nothing when it is imported again; what was cut off goes on where it stopped, and of a file that has grown what is
new is imported. Of a file with a broken line, or with events that retention would remove, nothing is imported unless it is told to be.
Exit code 1: a file, a line or an event was refused.

Examples:
  keepwatch import november.ndjson.gz
  keepwatch import .metrics/*.jsonl --service build --expired import
  zstd -dc old.ndjson.zst | keepwatch import - --dry-run`,
    )
    .action(run);
}

async function run(files: readonly string[], flags: Flags): Promise<void> {
  const config = loadConfig();
  for (const file of files) if (file !== '-') await refuseNoFile(file);
  const { service = config.service, type, expired } = flags;
  const progress = createProgress();
  const describeReached = createImportProgress(() => performance.now());
  const results: ImportResult[] = [];
  await untilInterrupted((signal) =>
    withStorage(config, async ({ url }) => {
      const database = createDatabase({ url, max: 2, applicationName: 'keepwatch import', queryTimeoutMs: NO_TIMEOUT_MS });
      let current = '';
      const importer = new Importer({
        ...{ database, keepMs: config.retention, expired, defaults: { service, type }, signal },
        skipsBroken: flags.skipBroken === true,
        isDryRun: flags.dryRun === true,
        logger: createLogger({ level: 'error', service: config.service }),
        onProgress: (reached) => progress.show(describeReached(current, reached)),
      });
      try {
        for (const file of files) {
          if (signal.aborted) break;
          current = file === '-' ? '<stdin>' : file;
          const result = await importOne(importer, file, signal);
          progress.clear();
          if (result !== undefined) results.push(result);
          if (result !== undefined && flags.json !== true) report(result);
        }
        if (signal.aborted) sayStopped(results, files.length);
      } finally {
        progress.clear();
        await importer.close().catch(() => {});
        await closeDatabase(database, { timeoutMs: 1000 });
      }
    }),
  );
  if (flags.json === true) process.stdout.write(`${JSON.stringify(results.map(toJson))}\n`);
  if (process.exitCode === undefined && results.some(isIncomplete)) process.exitCode = EXIT.checkFailed;
}

async function refuseNoFile(file: string): Promise<void> {
  const found = await stat(file).catch((cause: unknown) => {
    throw new KeepwatchError('ERR_USAGE', `${file}: cannot be read: ${describeError(cause)}`, { cause });
  });
  if (found.isDirectory())
    throw new KeepwatchError('ERR_USAGE', `${file}: is a folder; allowed: files, for example ${join(file, '*.jsonl')}`);
}

/** @returns undefined when it was stopped before anything of the file was imported */
async function importOne(importer: Importer, file: string, signal: AbortSignal): Promise<ImportResult | undefined> {
  try {
    return file === '-' ? await fromStdin(importer, signal) : await importer.importFile(file);
  } catch (error) {
    if (signal.aborted) return undefined;
    if (isOfContent(error))
      throw new KeepwatchError('ERR_USAGE', `${file}: cannot be read: ${describeError(error)}`, { cause: error });
    throw error;
  }
}

/** What the file system or gunzip says of the file. */
function isOfContent(error: unknown): boolean {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  return code.startsWith('Z_') || (syscall !== undefined && 'path' in Object(error));
}

/** It is read twice: kept in a file meanwhile. */
async function fromStdin(importer: Importer, signal: AbortSignal): Promise<ImportResult> {
  const folder = await mkdtemp(join(tmpdir(), 'keepwatch-import-'));
  const path = join(folder, 'stdin');
  try {
    await pipeline(process.stdin, createWriteStream(path, { mode: 0o600 }), { signal });
    return await importer.importFile(path, '<stdin>');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isIncomplete({ outcome, deadLettered, checked, reasons }: ImportResult): boolean {
  return outcome === 'refused' || deadLettered > 0 || checked.broken > 0 || reasons.length > 0;
}

function report({ file, outcome, imported, deadLettered, present, checked, reasons }: ImportResult): void {
  const { problems, broken, offsets } = checked;
  for (const { line, message } of problems) process.stderr.write(`keepwatch: ${file}:${line}: ${message}\n`);
  if (broken > problems.length)
    process.stderr.write(`keepwatch: ${file}: and ${formatCount(broken - problems.length)} more broken lines\n`);
  for (const reason of reasons) process.stderr.write(`keepwatch: ${file}: ${reason}\n`);
  if (deadLettered > 0)
    process.stderr.write(
      `keepwatch: ${file}: Postgres refused ${plural(deadLettered, 'event')}: keepwatch.dead_letters says why\n`,
    );
  const known = Math.min(offsets.keep, offsets.rest);
  const before = known > 0 ? `; the first ${formatCount(known)} bytes were imported before` : '';
  const parts = [
    ...(present > 0 ? [`${plural(present, 'event')} already there`] : []),
    ...(broken > 0 && outcome !== 'refused' ? [`${plural(broken, 'broken line')} left out`] : []),
    ...(outcome !== 'refused' && checked.expired > 0 ? [`${plural(checked.expired, 'event')} older than what is kept`] : []),
  ];
  const also = parts.length === 0 ? '' : ` (${parts.join(', ')})`;
  process.stdout.write(`${file}: ${describeOutcome(outcome, imported, checked.events)}${also}${before}\n`);
}

function describeOutcome(outcome: ImportResult['outcome'], imported: number, events: number): string {
  if (outcome === 'refused') return 'nothing is imported';
  if (outcome === 'checked') return `${plural(events, 'event')} to import; nothing is imported: --dry-run`;
  if (outcome === 'stopped')
    return `stopped after ${formatCount(imported)} of ${plural(events, 'event')}; import it again to go on`;
  return `${plural(imported, 'event')} imported`;
}

function sayStopped(results: readonly ImportResult[], files: number): void {
  const whole = results.filter(({ outcome }) => outcome !== 'stopped').length;
  process.stderr.write(`keepwatch: stopped; ${whole} of ${plural(files, 'file')} done; import them again to go on\n`);
}

function toJson({ file, outcome, imported, deadLettered, present, checked, reasons }: ImportResult) {
  const { bytes, events, expired, broken, problems } = checked;
  return { file, outcome, imported, deadLettered, present, bytes, events, expired, broken, problems, reasons };
}
