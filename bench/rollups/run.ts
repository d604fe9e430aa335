// The rollups section: what a batch costs more because its rollups come with its rows. Pairs of slices of the same events, next to each other
// and in either order, one after the other on one server: what disturbs the machine for longer than a slice disturbs both of a pair.

import { migrate } from '../../src/db/migrate.ts';
import { type Contender, type Slice, startContenders } from '../archive/contenders.ts';
import { SETTINGS, startPostgres } from '../archive/postgres-server.ts';
import type { BenchContext } from '../context.ts';
import type { SectionResult, Table } from '../report.ts';
import { estimate } from '../statistics.ts';

const SERIES = [50, 1000];
const ROWS = { full: 100_000, quick: 2000 } as const;
const WITH = 'with rollups';
const WITHOUT = 'without';
const CONTENDERS: Readonly<Record<string, Contender>> = Object.fromEntries(
  SERIES.flatMap((series) => [
    [nameOf(series, WITH), { module: 'archive/contender-keepwatch.ts', spool: { sources: 1, series }, hasRollups: true }],
    [nameOf(series, WITHOUT), { module: 'archive/contender-keepwatch-plain.ts', spool: { sources: 1, series } }],
  ]),
);

/** Two slices of the same events. */
interface Pair {
  readonly series: number;
  readonly own: Slice;
  readonly plain: Slice;
}

/** Runs the rollups section. @throws MissingPartError without PostgreSQL's own programs */
export async function runRollups(context: BenchContext): Promise<SectionResult> {
  const rows = context.effort.isQuick ? ROWS.quick : ROWS.full;
  const pairs: Pair[] = [];
  const problems: string[] = [];
  context.progress('rollups: starting PostgreSQL');
  const server = await startPostgres(context.folder);
  context.onEnd(async () => {
    await context.children.stopAll();
    await server.stop();
  });
  await migrate(server.database);
  const { generations, rounds } = context.effort;
  for (let generation = 0; generation < generations; generation++) {
    const { runSlice, stop } = await startContenders(context, server, CONTENDERS, { rows, generation, problems });
    if (!context.effort.isQuick) for (const name of Object.keys(CONTENDERS)) await runSlice(name);
    for (let round = 0; round < rounds; round++) {
      context.progress(`rollups: processes ${generation + 1}/${generations}, round ${round + 1}/${rounds}`);
      for (const series of SERIES) pairs.push(await runPair(series, round % 2 === 0, runSlice));
    }
    await stop();
  }
  await server.stop();
  return { name: 'rollups', notes: notesOf(rows, server.version), tables: [compare(pairs), describe(pairs)], problems };
}

async function runPair(series: number, isPlainFirst: boolean, runSlice: (name: string) => Promise<Slice>): Promise<Pair> {
  if (!isPlainFirst) {
    const own = await runSlice(nameOf(series, WITH));
    return { series, own, plain: await runSlice(nameOf(series, WITHOUT)) };
  }
  const plain = await runSlice(nameOf(series, WITHOUT));
  return { series, own: await runSlice(nameOf(series, WITH)), plain };
}

function nameOf(series: number, what: string): string {
  return `${series.toLocaleString('en')} series, ${what}`;
}

const time = ({ seconds }: Slice) => seconds;
const nodeCpu = ({ nodeCpuUsPerRow }: Slice) => nodeCpuUsPerRow;
const serverCpu = ({ serverCpuUsPerRow }: Slice) => serverCpuUsPerRow;
const wal = ({ walBytesPerRow }: Slice) => walBytesPerRow;

function compare(pairs: readonly Pair[]): Table {
  const values = [time, serverCpu, (slice: Slice) => nodeCpu(slice) + serverCpu(slice), wal];
  return {
    title: 'With rollups, to the same without them, paired',
    columns: ['time', 'backend CPU', 'CPU of Node and backend', 'WAL'].map((name) => ({ name, digits: 3 })),
    rows: SERIES.map((series) => {
      const own = pairs.filter((pair) => pair.series === series);
      const ratios = values.map((value) => estimate(own.map((pair) => value(pair.own) / value(pair.plain))));
      return { contender: `${series.toLocaleString('en')} series`, cells: ratios };
    }),
  };
}

function describe(pairs: readonly Pair[]): Table {
  return {
    title: 'Slices',
    columns: [
      { name: 'rows/s', digits: 0 },
      { name: 'Node CPU s a million', digits: 2 },
      { name: 'backend CPU s a million', digits: 2 },
      { name: 'WAL B a row', digits: 0 },
    ],
    rows: SERIES.flatMap((series) => {
      const own = pairs.filter((pair) => pair.series === series);
      const rowOf = (what: string, slices: readonly Slice[]) => ({
        contender: nameOf(series, what),
        cells: [({ rowsPerSecond }: Slice) => rowsPerSecond, nodeCpu, serverCpu, wal].map((value) => estimate(slices.map(value))),
      });
      return [
        rowOf(
          WITH,
          own.map((pair) => pair.own),
        ),
        rowOf(
          WITHOUT,
          own.map((pair) => pair.plain),
        ),
      ];
    }),
  };
}

function notesOf(rows: number, version: string): string[] {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name} ${value}`);
  return [
    `${rows.toLocaleString('en')} reference events a slice, from sealed segments that another process has written to the commit, in batches of about 10,000 rows over one connection; PostgreSQL ${version} over loopback, ${settings.join(', ')}. The table is emptied before each slice, a checkpoint behind it.`,
    'The slices of a pair hold the same events and run next to each other, the one with rollups first in every second pair. A cell is the median of what the pairs say; time holds all waiting for the disk, CPU time none. Without rollups a batch tells the ledger so, in a row of its own.',
    'Rows are counted in the table after every slice, and in the rollups: too few or too many fail the run.',
  ];
}
