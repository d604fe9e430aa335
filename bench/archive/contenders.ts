// The processes of a run that writes to the archive's table, and a slice of one of them: an empty table, all rows, what it cost both sides.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Child } from '../children.ts';
import type { BenchContext } from '../context.ts';
import type { ArchiveContenderMethods, ArchiveSlice } from './contender.ts';
import type { PostgresServer } from './postgres-server.ts';
import { cpuNsBetween, emptyTable, readServerState } from './server-cost.ts';
import type { SpoolFillerMethods } from './spool-filler.ts';

/** A way into Postgres. */
export interface Contender {
  /** Path below bench/. */
  readonly module: string;
  /** It takes its rows from a spool that another process has filled: of so many sources, and of events of so many series. */
  readonly spool?: { readonly sources: number; readonly series: number };
  /** Every row is to be in the rollups too. Default: that is not asked. */
  readonly hasRollups?: boolean;
}

export interface Slice extends ArchiveSlice {
  readonly rowsPerSecond: number;
  /** Microseconds a row are seconds a million. */
  readonly nodeCpuUsPerRow: number;
  readonly serverCpuUsPerRow: number;
  readonly walBytesPerRow: number;
  readonly tableBytesPerRow: number;
}

export interface Run {
  readonly rows: number;
  /** Unlike that of other runs: it names folders. */
  readonly generation: number;
  /** Is told who did not do what is measured. */
  readonly problems: string[];
}

/** A fresh set of processes, prepared. */
export async function startContenders(
  context: BenchContext,
  server: PostgresServer,
  contenders: Readonly<Record<string, Contender>>,
  { rows, generation, problems }: Run,
): Promise<{ runSlice(name: string): Promise<Slice>; stop(): Promise<void> }> {
  const untilMs = Date.now();
  const filler = context.children.start<SpoolFillerMethods>('archive/spool-filler.ts');
  const processes = new Map<string, { child: Child<ArchiveContenderMethods>; spoolDir: string; contender: Contender }>();
  for (const [index, [name, contender]] of Object.entries(contenders).entries()) {
    const folder = join(context.folder, `archive-${generation}-${index}`);
    const spoolDir = join(folder, 'spool');
    mkdirSync(spoolDir, { recursive: true });
    const child = context.children.start<ArchiveContenderMethods>(contender.module);
    await child.call('prepare', { databaseUrl: server.url, binaries: server.binaries, folder, spoolDir, rows, untilMs });
    processes.set(name, { child, spoolDir, contender });
  }

  async function runSlice(name: string): Promise<Slice> {
    const found = processes.get(name);
    if (found === undefined) throw new Error(`${name} was not started`);
    const { child, spoolDir, contender } = found;
    await emptyTable(server.database);
    if (contender.spool !== undefined) await filler.call('fill', { spoolDir, rows, untilMs, ...contender.spool });
    await child.call('refill');
    const before = await readServerState(server.database);
    const slice = await child.call('load');
    const after = await readServerState(server.database);
    if (after.rows !== rows) problems.push(`${name} stored ${after.rows} of ${rows} rows`);
    if (contender.hasRollups === true && after.rolledUp !== rows) {
      problems.push(`${name} has ${after.rolledUp} of ${rows} rows in the rollups`);
    }
    return {
      ...slice,
      rowsPerSecond: rows / slice.seconds,
      nodeCpuUsPerRow: (slice.cpuUs ?? Number.NaN) / rows,
      serverCpuUsPerRow: cpuNsBetween(before, after) / 1000 / rows,
      walBytesPerRow: (after.walBytes - before.walBytes) / rows,
      tableBytesPerRow: (after.bytes - before.bytes) / rows,
    };
  }

  const stop = async () => {
    for (const { child } of processes.values()) await child.stop();
    await filler.stop();
  };
  return { runSlice, stop };
}
