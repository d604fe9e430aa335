// The archive section: rows per second into the same table, by Keepwatch and by the ways that people use, in turns on one server.
import { migrate } from '../../src/db/migrate.ts';
import type { BenchContext } from '../context.ts';
import type { SectionResult, Table } from '../report.ts';
import type { Estimate } from '../statistics.ts';
import { estimateOf, estimateOfReference, pairedRatioOf, ratioOf, type Turn, takeTurns } from '../turns.ts';
import { type Contender, type Slice, startContenders } from './contenders.ts';
import { SETTINGS, startPostgres } from './postgres-server.ts';

const REFERENCE = 'psql \\copy, text, one transaction';
const OURS = 'Keepwatch, spool to commit';
const PLAIN = 'Keepwatch, spool to commit, without rollups';
const OURS_MANY = 'Keepwatch, spool to commit, 1,000 series';
const PLAIN_MANY = 'Keepwatch, spool to commit, 1,000 series, without rollups';
const PEERS = {
  'pg-promise helpers.insert, 1,000 rows': 'archive/contender-insert-1k.ts',
  'pg-promise helpers.insert, 10,000 rows': 'archive/contender-insert-10k.ts',
  'jsonb_populate_recordset, 10,000 rows': 'archive/contender-jsonb.ts',
} as const;
const CONTENDERS: Readonly<Record<string, Contender>> = {
  [REFERENCE]: { module: 'archive/contender-psql.ts' },
  'psql \\copy, binary, one transaction': { module: 'archive/contender-psql-binary.ts' },
  [OURS]: { module: 'archive/contender-keepwatch.ts', spool: { sources: 1, series: 50 }, hasRollups: true },
  [PLAIN]: { module: 'archive/contender-keepwatch-plain.ts', spool: { sources: 1, series: 50 } },
  [OURS_MANY]: { module: 'archive/contender-keepwatch.ts', spool: { sources: 1, series: 1000 }, hasRollups: true },
  [PLAIN_MANY]: { module: 'archive/contender-keepwatch-plain.ts', spool: { sources: 1, series: 1000 } },
  'Keepwatch, spool to commit, two sources': { module: 'archive/contender-keepwatch-2.ts', spool: { sources: 2, series: 50 } },
  'Keepwatch, event to commit': { module: 'archive/contender-keepwatch-whole.ts' },
  ...Object.fromEntries(Object.entries(PEERS).map(([name, module]) => [name, { module }])),
};
const ROWS = { full: 100_000, quick: 2000 } as const;

/** Runs the archive section. @throws MissingPartError without PostgreSQL's own programs */
export async function runArchive(context: BenchContext): Promise<SectionResult> {
  const rows = context.effort.isQuick ? ROWS.quick : ROWS.full;
  const others = Object.keys(CONTENDERS).filter((name) => name !== REFERENCE);
  const rounds: Turn<Slice>[][] = [];
  const problems: string[] = [];
  context.progress('archive: starting PostgreSQL');
  const server = await startPostgres(context.folder);
  context.onEnd(async () => {
    await context.children.stopAll();
    await server.stop();
  });
  await migrate(server.database);
  const { generations, rounds: roundsEach } = context.effort;
  for (let generation = 0; generation < generations; generation++) {
    const { runSlice, stop } = await startContenders(context, server, CONTENDERS, { rows, generation, problems });
    if (!context.effort.isQuick) for (const name of Object.keys(CONTENDERS)) await runSlice(name);
    for (let round = 0; round < roundsEach; round++) {
      context.progress(`archive: processes ${generation + 1}/${generations}, round ${round + 1}/${roundsEach}`);
      rounds.push(await takeTurns(REFERENCE, others, round, runSlice));
    }
    await stop();
  }
  await server.stop();
  const notes = [...notesOf(rows, server.version), ...comparePeers(rounds)];
  return { name: 'archive', notes, tables: [createTable(rounds.flat())], problems };
}

function createTable(turns: readonly Turn<Slice>[]): Table {
  const values = [
    ({ rowsPerSecond }: Slice) => rowsPerSecond,
    ({ nodeCpuUsPerRow }: Slice) => nodeCpuUsPerRow,
    ({ serverCpuUsPerRow }: Slice) => serverCpuUsPerRow,
    ({ walBytesPerRow }: Slice) => walBytesPerRow,
    ({ tableBytesPerRow }: Slice) => tableBytesPerRow,
  ] as const;
  return {
    title: 'Rows into observability_metrics',
    columns: [
      { name: 'rows/s', digits: 0 },
      { name: 'to psql \\copy', digits: 2 },
      { name: 'Node CPU s a million', digits: 2 },
      { name: 'backend CPU s a million', digits: 2 },
      { name: 'WAL B a row', digits: 0 },
      { name: 'table and indexes B a row', digits: 0 },
    ],
    rows: Object.keys(CONTENDERS).map((contender) => {
      const isReference = contender === REFERENCE;
      const of = (value: (slice: Slice) => number) =>
        isReference ? estimateOfReference(turns, value) : estimateOf(turns, contender, value);
      const [rate, node, server, wal, bytes] = values;
      const ratio = isReference ? '' : ratioOf(turns, contender, rate);
      const nodeCpu = of(node);
      return {
        contender,
        cells: [of(rate), ratio, Number.isNaN(nodeCpu.median) ? '' : nodeCpu, of(server), of(wal).median, of(bytes).median],
      };
    }),
  };
}

function comparePeers(rounds: readonly Turn<Slice>[][]): string[] {
  const describe = ({ median, low, high }: Estimate) => `${median.toFixed(2)} [${low.toFixed(2)} … ${high.toFixed(2)}]`;
  const ratios = Object.keys(PEERS).map(
    (peer) => `${describe(pairedRatioOf(rounds, OURS, peer, ({ rowsPerSecond }) => rowsPerSecond))} times ${peer}`,
  );
  const costs = [
    ['50', OURS, PLAIN],
    ['1,000', OURS_MANY, PLAIN_MANY],
  ] as const;
  const time = ({ seconds }: Slice) => seconds;
  const cpu = ({ nodeCpuUsPerRow, serverCpuUsPerRow }: Slice) => nodeCpuUsPerRow + serverCpuUsPerRow;
  return [
    `${OURS}, over one connection, paired by round: ${ratios.join('; ')}.`,
    ...costs.map(([series, ours, plain]) => {
      const [longer, more] = [time, cpu].map((value) => describe(pairedRatioOf(rounds, ours, plain, value)));
      return `Rollups of ${series} series in the batch's transaction, paired by round: ${longer} times the time, ${more} times the CPU time of Node and backend together, of the same without them.`;
    }),
  ];
}

function notesOf(rows: number, version: string): string[] {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name} ${value}`);
  return [
    `${rows.toLocaleString('en')} reference events a slice (name 21 bytes, metadata 104, trace and span ids) into the same partitioned table with its default indexes, emptied before each slice, a checkpoint behind it; PostgreSQL ${version} over loopback, ${settings.join(', ')}.`,
    'Keepwatch writes through its ledger, with watermark, windows and all, in batches of about 10,000 rows. "spool to commit": sealed segments that another process has written are read, checked and committed; with two sources, each has half of the rows and a connection of its own. "event to commit": the events are encoded, spooled and synced within the time too.',
    'The rows are the same for all. Keepwatch writes the members of metadata in the order of jsonb, as its tracker hands them on; the binary file of psql has that order too, since Postgres wrote it. In the others they stand as an application gives them, and Postgres sorts them: a sixth of its time for a row.',
    'psql copies in binary what Keepwatch sends in binary, but in one transaction, from one file and without a ledger: that is the ceiling over one connection. CPU time of backends is what their process takes; that of psql is not shown.',
    'All on connections that are open already. Each slice is compared with the mean of the psql text slices just before and after it. Rows are counted in the table after every slice: too few or too many fail the run.',
  ];
}
