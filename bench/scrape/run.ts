// The section on scrapes: what it costs the process to be scraped, and how long it answers nobody else meanwhile.
import type { Child } from '../children.ts';
import type { BenchContext } from '../context.ts';
import type { SectionResult, Table } from '../report.ts';
import { estimateOf, estimateOfReference, ratioOf, type Turn, takeTurns } from '../turns.ts';
import type { ScrapeContenderMethods, ServerUse, Shape } from './contender.ts';
import type { Reading, ScrapeLoadMethods } from './contender-load.ts';

type Slice = ServerUse & Reading;

const REFERENCE = 'prom-client';
const CONTENDERS: Readonly<Record<string, string>> = {
  [REFERENCE]: 'scrape/contender-prom-client.ts',
  'prom-client again': 'scrape/contender-prom-client.ts',
  Keepwatch: 'scrape/contender-keepwatch.ts',
};
const CORES = { server: 0, load: 1 } as const;
const WARM_UP = 12;

interface Scenario {
  readonly title: string;
  readonly full: Shape;
  readonly quick: Shape;
  /** Fewer rounds than others by this factor: it is large. */
  readonly thinning: number;
}

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'A scrape of 10,000 counters',
    full: { counters: 10_000, histograms: 0 },
    quick: { counters: 500, histograms: 0 },
    thinning: 1,
  },
  {
    title: 'A scrape of 715 histograms, 14 lines each',
    full: { counters: 0, histograms: 715 },
    quick: { counters: 0, histograms: 50 },
    thinning: 1,
  },
  {
    title: 'A scrape of 100,000 series: 50,000 counters, 3,571 histograms of 14 lines',
    full: { counters: 50_000, histograms: 3571 },
    quick: { counters: 500, histograms: 50 },
    thinning: 3,
  },
];

/** Runs the section on scrapes. */
export async function runScrape(context: BenchContext): Promise<SectionResult> {
  const load = context.children.start<ScrapeLoadMethods>('scrape/contender-load.ts', { core: CORES.load });
  const tables: Table[] = [];
  const problems: string[] = [];
  for (const scenario of SCENARIOS) {
    const turns: Turn<Slice>[] = [];
    for (let generation = 0; generation < context.effort.generations; generation++) {
      context.progress(`scrape: ${scenario.title}, processes ${generation + 1}/${context.effort.generations}`);
      const { measured, wrong } = await runGeneration(context, scenario, load);
      turns.push(...measured);
      problems.push(...wrong);
    }
    tables.push(createTable(scenario.title, turns));
  }
  await load.stop();
  return { name: 'scrape', notes: NOTES, tables, problems };
}

async function runGeneration(
  { children, effort }: BenchContext,
  { title, full, quick, thinning }: Scenario,
  load: Child<ScrapeLoadMethods>,
): Promise<{ measured: Turn<Slice>[]; wrong: string[] }> {
  const running = new Map<string, { child: Child<ScrapeContenderMethods>; port: number }>();
  const wrong: string[] = [];
  const run = async (name: string): Promise<Slice> => {
    const contender = running.get(name);
    if (contender === undefined) throw new Error(`${name} was not started`);
    await contender.child.call('watch');
    const reading = await load.call('scrape', contender.port);
    return { ...reading, ...(await contender.child.call('use')) };
  };
  for (const [name, module] of Object.entries(CONTENDERS)) {
    const child = children.start<ScrapeContenderMethods>(module, { core: CORES.server });
    running.set(name, { child, port: await child.call('open', effort.isQuick ? quick : full) });
    for (let scrape = 0; scrape < (effort.isQuick ? 1 : WARM_UP); scrape++) await run(name);
  }
  const measured: Turn<Slice>[] = [];
  const others = Object.keys(CONTENDERS).filter((name) => name !== REFERENCE);
  for (let round = 0; round < Math.ceil(effort.rounds / thinning); round++) {
    measured.push(...(await takeTurns(REFERENCE, others, round, run)));
  }
  for (const [name, { child }] of running) {
    const { digest, bytes } = await run(name);
    if (bytes < 1000 || digest !== (await child.call('expected')))
      wrong.push(`${title}: ${name} did not send what its registry says`);
    await child.stop();
  }
  return { measured, wrong };
}

function createTable(title: string, turns: readonly Turn<Slice>[]): Table {
  return {
    title,
    columns: [
      { name: 'CPU ms', digits: 1 },
      { name: 'to prom-client', digits: 2 },
      { name: 'ms to last byte', digits: 1 },
      { name: 'longest block, ms', digits: 1 },
      { name: 'the worst, ms', digits: 1 },
      { name: 'MB', digits: 2 },
    ],
    rows: Object.keys(CONTENDERS).map((contender) => {
      const isReference = contender === REFERENCE;
      const of = (value: (slice: Slice) => number) =>
        isReference ? estimateOfReference(turns, value) : estimateOf(turns, contender, value);
      const own = turns.flatMap((turn) => (isReference ? [turn.before] : turn.contender === contender ? [turn.slice] : []));
      return {
        contender,
        cells: [
          of((slice) => slice.cpuMs),
          isReference ? '' : ratioOf(turns, contender, (slice) => slice.cpuMs),
          of((slice) => slice.lastByteMs),
          of((slice) => slice.longestBlockMs),
          Math.max(...own.map((slice) => slice.longestBlockMs)),
          Math.max(...own.map((slice) => slice.bytes)) / 1e6,
        ],
      };
    }),
  };
}

const NOTES = [
  'Each contender serves its registry from a process of its own on one core; the scraper is a process on another, reads as fast as it can and asks for no compression. One scrape is a slice; every series moves between scrapes.',
  'CPU ms is the CPU time of the serving process for one scrape, all threads. A block is the time between two turns of its event loop, as far as the process had the CPU meanwhile: what it cannot answer others in.',
  'Every body was compared with what registry.metrics() of its process says, byte for byte.',
];
