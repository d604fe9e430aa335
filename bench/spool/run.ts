// The section on the spool: what it costs a process to bring ended executions from memory to the disk.
import type { Child } from '../children.ts';
import type { BenchContext } from '../context.ts';
import type { Column, SectionResult, Table } from '../report.ts';
import { type Estimate, estimate } from '../statistics.ts';
import { differenceOf, estimateOf, estimateOfReference, type Turn, takeTurns } from '../turns.ts';
import { BURST, type SpoolContenderMethods, type SpoolSlice } from './contender.ts';

const REFERENCE = 'Keepwatch, recording alone';
const KEEPWATCH = 'Keepwatch, recording and spool';
const CONTENDERS: Readonly<Record<string, string>> = {
  [REFERENCE]: 'spool/contender-record.ts',
  [KEEPWATCH]: 'spool/contender-keepwatch.ts',
  'pino, a JSON line an event': 'spool/contender-pino.ts',
  'JSON.stringify, appendFile': 'spool/contender-json-lines.ts',
  'COPY text, appendFile': 'spool/contender-copy-text.ts',
};
const CORE = 0;
const BURSTS = { full: 40, quick: 4 } as const;
const WARM_UP_SLICES = 3;

/** Runs the section on the spool. */
export async function runSpool({ children, effort, progress }: BenchContext): Promise<SectionResult> {
  const bursts = effort.isQuick ? BURSTS.quick : BURSTS.full;
  const others = Object.keys(CONTENDERS).filter((name) => name !== REFERENCE);
  const rounds: Turn<SpoolSlice>[][] = [];
  for (let generation = 0; generation < effort.generations; generation++) {
    const processes = new Map<string, Child<SpoolContenderMethods>>();
    const run = async (name: string): Promise<SpoolSlice> => {
      const child = processes.get(name);
      if (child === undefined) throw new Error(`${name} was not started`);
      return child.call('run', { bursts });
    };
    for (const [name, module] of Object.entries(CONTENDERS)) {
      processes.set(name, children.start<SpoolContenderMethods>(module, { core: CORE }));
      for (let slice = 0; slice < (effort.isQuick ? 1 : WARM_UP_SLICES); slice++) await run(name);
    }
    for (let round = 0; round < effort.rounds; round++) {
      progress(`spool: processes ${generation + 1}/${effort.generations}, round ${round + 1}/${effort.rounds}`);
      rounds.push(await takeTurns(REFERENCE, others, round, run));
    }
    for (const child of processes.values()) await child.stop();
  }
  return { name: 'spool', notes: notesOf(bursts * BURST), tables: [createTable(rounds)], problems: [] };
}

const COLUMNS: readonly Column[] = [
  { name: 'CPU s a million', digits: 2 },
  { name: 'to Keepwatch', digits: 2 },
  { name: 'with recording', digits: 2 },
  { name: 'B an event', digits: 0 },
  { name: 'longest block, ms', digits: 1 },
  { name: 'the worst, ms', digits: 1 },
];

function createTable(rounds: readonly (readonly Turn<SpoolSlice>[])[]): Table {
  const turns = rounds.flat();
  const cpu = (slice: SpoolSlice) => slice.cpuSeconds;
  const rows = Object.keys(CONTENDERS).map((contender) => {
    if (contender === REFERENCE) return { contender, cells: ['', '', estimateOfReference(turns, cpu), '', '', ''] };
    const slices = turns.filter((turn) => turn.contender === contender).map(({ slice }) => slice);
    const bytes = slices.at(-1)?.bytesPerEvent ?? Number.NaN;
    if (contender !== KEEPWATCH) {
      return { contender, cells: [estimateOf(turns, contender, cpu), ratioToKeepwatch(rounds, contender), '', bytes, '', ''] };
    }
    const blocks = slices.map((slice) => slice.longestBlockMs);
    const own = [differenceOf(turns, contender, cpu), '', estimateOf(turns, contender, cpu)];
    return { contender, cells: [...own, bytes, estimate(blocks), Math.max(...blocks)] };
  });
  return { title: 'Events to the disk', columns: COLUMNS, rows };
}

/** To what spooling adds to recording, in the same round. */
function ratioToKeepwatch(rounds: readonly (readonly Turn<SpoolSlice>[])[], contender: string): Estimate {
  const ratios = rounds.flatMap((turns) => {
    const other = turns.find((turn) => turn.contender === contender);
    const own = turns.find((turn) => turn.contender === KEEPWATCH);
    if (own === undefined || other === undefined) return [];
    const recording = (own.before.cpuSeconds + own.after.cpuSeconds) / 2;
    return [other.slice.cpuSeconds / (own.slice.cpuSeconds - recording)];
  });
  return estimate(ratios);
}

function notesOf(events: number): string[] {
  return [
    `${events.toLocaleString('en')} reference events a slice (name 21 bytes, metadata 104 bytes of 5 keys, trace and span ids), given in bursts of ${BURST.toLocaleString('en')} and synced at the end of the slice; all on one core, in turns.`,
    'CPU time is that of the whole process, all threads, from events in memory to the disk. For Keepwatch it is what the spool adds: the slice less the mean of the slices just before and after it that record the same events and let them go. So it is ring, pump, encoder, checksum, segment file, fsync and rename, in two lanes, garbage included.',
    '"with recording" is all of it: a tracked execution with metrics, trace and metadata, and what becomes of it.',
    'The others are given their rows as finished objects, which cost them nothing here; COPY text escapes its texts.',
    'A block is the time between two turns of the event loop while a burst is handed on, as far as the process had the CPU meanwhile.',
  ];
}
