// keepwatch spool: what waits on the disk for Postgres; proves it readable, mends what keeps it from being drained, drains it.
import type { Command } from 'commander';
import { drainLeftovers } from '../archive/drain/leftovers.ts';
import { createPartitions } from '../archive/drain/partitions.ts';
import { RefusalStreak } from '../archive/drain/refused-rows.ts';
import { measureAcknowledged, measureSuspect } from '../archive/spool/spool-folder.ts';
import { listSpool, type SpooledLane, type VerifiedSpool, verifySpool } from '../archive/spool/spool-inspection.ts';
import { repairSpool } from '../archive/spool/spool-repair.ts';
import { loadConfig } from '../config.ts';
import { createLogger } from '../logger.ts';
import { EXIT } from './exit.ts';
import { withStorage } from './storage.ts';
import { type Column, formatBytes, formatTable, plural } from './table.ts';

interface Flags {
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

export function addSpool(program: Command): void {
  const spool = program.command('spool').description('look after the events that wait on this disk for Postgres');
  spool
    .command('ls')
    .description('list what waits, by source and lane')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  keepwatch spool ls\n  keepwatch spool ls --json | jq ".[].bytes"')
    .action(list);
  spool
    .command('verify')
    .description('read every segment and check its checksums; exit code 1 when something is damaged')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  keepwatch spool verify')
    .action(verify);
  spool
    .command('repair')
    .description('mend what keeps the spool of a dead process from being drained')
    .option('--dry-run', 'only say what would be done')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  keepwatch spool repair --dry-run\n  keepwatch spool repair')
    .action(repair);
  spool
    .command('drain')
    .description('archive what dead processes left; processes that live drain what is theirs')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  keepwatch spool drain')
    .action(drain);
}

async function list({ json }: Flags): Promise<void> {
  const { spoolDir } = loadConfig();
  const lanes = await listSpool(spoolDir);
  const table = lanes.length === 0 ? `nothing waits in ${spoolDir}` : formatTable(COLUMNS, lanes);
  print(json, lanes, [table, ...(await describeRest(spoolDir))].join('\n'));
}

async function verify({ json }: Flags): Promise<void> {
  const { spoolDir } = loadConfig();
  const total = (await listSpool(spoolDir)).reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const lanes = await verifySpool(spoolDir, (bytes) => {
    done += bytes;
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[Kread ${formatBytes(done)} of ${formatBytes(total)}`);
  });
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  const problems = lanes.flatMap((lane) => lane.problems);
  const verdict = problems.length === 0 ? 'ok: every segment can be read' : `FAILED: ${plural(problems.length, 'problem')}`;
  const table = lanes.length === 0 ? [] : [formatTable([...COLUMNS, ...CONTENT_COLUMNS], lanes), ''];
  print(json, lanes, [...table, ...problems, ...(await describeRest(spoolDir)), verdict].join('\n'));
  if (problems.length > 0) process.exitCode = EXIT.checkFailed;
}

/** What the spool holds besides what waits. */
async function describeRest(spoolDir: string): Promise<string[]> {
  const lines: string[] = [];
  const acknowledged = await measureAcknowledged(spoolDir);
  if (acknowledged.files > 0) {
    lines.push(
      `acknowledged: ${plural(acknowledged.files, 'segment')} (${formatBytes(acknowledged.bytes)}), kept 5 min in case the ledger goes back`,
    );
  }
  const { files, bytes } = await measureSuspect(spoolDir);
  if (files > 0) {
    lines.push(
      `suspect/: ${plural(files, 'file')} (${formatBytes(bytes)}) that no event could be read from: to be looked at, then removed`,
    );
  }
  return lines;
}

async function repair({ json, dryRun }: Flags): Promise<void> {
  const repairs = await repairSpool(loadConfig().spoolDir, { isDryRun: dryRun === true });
  const lines = repairs.map(({ path, action }) => `${path}: ${action}`);
  if (dryRun === true && lines.length > 0) lines.push('nothing is changed: --dry-run');
  print(json, repairs, lines.length === 0 ? 'nothing to repair' : lines.join('\n'));
}

async function drain({ json }: Flags): Promise<void> {
  const config = loadConfig();
  const counts = { archived: 0, deadLettered: 0, quarantined: 0 };
  const logger = createLogger({ level: 'warn', service: config.service });
  await withStorage(config, async ({ database }) => {
    await drainLeftovers({
      database,
      partitions: createPartitions(database),
      spoolDir: config.spoolDir,
      keepMs: config.retention,
      logger,
      refusals: new RefusalStreak(logger),
      onCommit: ({ archived, deadLettered, quarantined }) => {
        counts.archived += archived;
        counts.deadLettered += deadLettered;
        counts.quarantined += quarantined;
      },
    });
  });
  const left = await listSpool(config.spoolDir);
  const summary = `${counts.archived} archived, ${counts.deadLettered} dead-lettered, ${counts.quarantined} quarantined`;
  const rest = left.length === 0 ? 'nothing waits' : `${formatTable(COLUMNS, left)}\nwaits for its own process, or for repair`;
  print(json, { ...counts, left }, `${summary}\n${rest}`);
}

function print(json: boolean | undefined, value: unknown, text: string): void {
  process.stdout.write(`${json === true ? JSON.stringify(value) : text}\n`);
}

const COLUMNS: Column<SpooledLane>[] = [
  { title: 'SOURCE', cell: (row) => String(BigInt(`0x${row.folder}`)) },
  { title: 'FOLDER', cell: (row) => row.folder },
  { title: 'SERVICE', cell: (row) => row.service },
  { title: 'INSTANCE', cell: (row) => row.instance },
  { title: 'PROCESS', cell: (row) => row.owner },
  { title: 'LANE', cell: (row) => row.lane },
  { title: 'SEGMENTS', align: 'right', cell: (row) => String(row.segments) },
  { title: 'SIZE', align: 'right', cell: (row) => formatBytes(row.bytes) },
  { title: 'OLDEST', cell: (row) => new Date(row.oldestMs).toISOString() },
];
const CONTENT_COLUMNS: Column<VerifiedSpool>[] = [
  { title: 'EVENTS', align: 'right', cell: (row) => String(row.events) },
  { title: 'DAMAGED', align: 'right', cell: (row) => formatBytes(row.damagedBytes) },
];
