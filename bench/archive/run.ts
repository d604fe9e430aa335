// The archive section: rows per second into the same table, by Keepwatch and by the ways that people use, in turns on one server.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import type { Child } from '../children.ts';
import type { BenchContext } from '../context.ts';
import type { SectionResult, Table } from '../report.ts';
import { estimateOf, estimateOfReference, ratioOf, type Turn, takeTurns } from '../turns.ts';
import type { ArchiveContenderMethods, ArchiveSlice } from './contender.ts';
import { SETTINGS, startPostgres } from './postgres-server.ts';

const REFERENCE = 'psql \\copy, text, one transaction';
const CONTENDERS: Readonly<Record<string, string>> = {
  [REFERENCE]: 'archive/contender-psql.ts',
  'Keepwatch, spool to commit': 'archive/contender-keepwatch.ts',
  'Keepwatch, event to commit': 'archive/contender-keepwatch-whole.ts',
  'pg-promise helpers.insert, 1,000 rows': 'archive/contender-insert-1k.ts',
  'pg-promise helpers.insert, 10,000 rows': 'archive/contender-insert-10k.ts',
};
const ROWS = { full: 100_000, quick: 2000 } as const;

interface Slice extends ArchiveSlice {
  readonly rowsPerSecond: number;
  readonly cpuSecondsPerMillion: number;
}

/** Runs the archive section. @throws MissingPartError without PostgreSQL's own programs */
export async function runArchive(context: BenchContext): Promise<SectionResult> {
  const rows = context.effort.isQuick ? ROWS.quick : ROWS.full;
  const others = Object.keys(CONTENDERS).filter((name) => name !== REFERENCE);
  const turns: Turn<Slice>[] = [];
  const problems: string[] = [];
  context.progress('archive: starting PostgreSQL');
  const server = await startPostgres(context.folder);
  context.onEnd(async () => {
    await context.children.stopAll();
    await server.stop();
  });
  await migrate(server.database);
  const bytesPerRow = new Map<string, number>();
  for (let generation = 0; generation < context.effort.generations; generation++) {
    const processes = new Map<string, Child<ArchiveContenderMethods>>();
    for (const [index, [name, module]] of Object.entries(CONTENDERS).entries()) {
      const folder = join(context.folder, `archive-${generation}-${index}`);
      mkdirSync(folder);
      const child = context.children.start<ArchiveContenderMethods>(module);
      await child.call('prepare', { databaseUrl: server.url, binaries: server.binaries, folder, rows, untilMs: Date.now() });
      processes.set(name, child);
      if (!context.effort.isQuick) await runSlice(name);
    }
    for (let round = 0; round < context.effort.rounds; round++) {
      context.progress(
        `archive: processes ${generation + 1}/${context.effort.generations}, round ${round + 1}/${context.effort.rounds}`,
      );
      turns.push(...(await takeTurns(REFERENCE, others, round, runSlice)));
    }
    for (const child of processes.values()) await child.stop();

    async function runSlice(name: string): Promise<Slice> {
      const child = processes.get(name);
      if (child === undefined) throw new Error(`${name} was not started`);
      await emptyTable(server.database);
      const empty = await inspectTable(server.database);
      const refillCpuUs = await child.call('refill');
      const slice = await child.call('load');
      const table = await inspectTable(server.database);
      if (table.rows !== rows) problems.push(`${name} stored ${table.rows} of ${rows} rows`);
      bytesPerRow.set(name, (table.bytes - empty.bytes) / Math.max(1, table.rows));
      return {
        ...slice,
        rowsPerSecond: rows / slice.seconds,
        cpuSecondsPerMillion: ((slice.cpuUs ?? Number.NaN) + refillCpuUs) / rows,
      };
    }
  }
  await server.stop();
  return { name: 'archive', notes: notesOf(rows, server.version), tables: [createTable(turns, bytesPerRow)], problems };
}

/** Every slice finds the same: an empty table, and no checkpoint due. */
async function emptyTable(database: Database): Promise<void> {
  await database.none('truncate keepwatch.observability_metrics');
  await database.none('checkpoint');
}

async function inspectTable(database: Database): Promise<{ rows: number; bytes: number }> {
  const found = await database.one<{ rows: string; bytes: string }>(
    `select (select count(*) from keepwatch.observability_metrics) as rows,
       (select sum(pg_total_relation_size(relid)) from pg_partition_tree('keepwatch.observability_metrics')) as bytes`,
  );
  return { rows: Number(found.rows), bytes: Number(found.bytes) };
}

function createTable(turns: readonly Turn<Slice>[], bytesPerRow: ReadonlyMap<string, number>): Table {
  const rate = (slice: Slice) => slice.rowsPerSecond;
  const cpu = (slice: Slice) => slice.cpuSecondsPerMillion;
  return {
    title: 'Rows into observability_metrics',
    columns: [
      { name: 'rows/s', digits: 0 },
      { name: 'to psql \\copy', digits: 2 },
      { name: 'Node CPU s a million', digits: 2 },
      { name: 'table B a row', digits: 0 },
    ],
    rows: Object.keys(CONTENDERS).map((contender) => {
      const bytes = bytesPerRow.get(contender) ?? Number.NaN;
      if (contender === REFERENCE) return { contender, cells: [estimateOfReference(turns, rate), '', '', bytes] };
      return {
        contender,
        cells: [estimateOf(turns, contender, rate), ratioOf(turns, contender, rate), estimateOf(turns, contender, cpu), bytes],
      };
    }),
  };
}

function notesOf(rows: number, version: string): string[] {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name} ${value}`);
  return [
    `${rows.toLocaleString('en')} reference events a slice (name 21 bytes, metadata 104, trace and span ids) into the same partitioned table with its default indexes, emptied before each slice, a checkpoint behind it; PostgreSQL ${version} over loopback, ${settings.join(', ')}.`,
    'Keepwatch writes through its ledger, with dead letters, watermark and all. "spool to commit": the events stand in the spool when the clock starts; "event to commit": they are encoded, spooled and synced within the time too. CPU time of its Node process holds both in both rows.',
    'All on connections that are open already. Each slice is compared with the mean of the psql slices just before and after it. Rows are counted in the table after every slice: too few or too many fail the run.',
  ];
}
