// The HTTP section: contenders as fresh processes on one core, load from another, short slices in turns; then the same without TCP.
import type { Child } from '../children.ts';
import type { BenchContext } from '../context.ts';
import type { Cell, Column, SectionResult, Table } from '../report.ts';
import { differenceOf, estimateOf, estimateOfReference, pairedDifferenceOf, ratioOf, type Turn, takeTurns } from '../turns.ts';
import { KINDS, type Kind } from './app.ts';
import type { HttpContenderMethods } from './contender.ts';
import type { LoadMethods } from './load.ts';

const REFERENCE = 'bare Express';
const CONTENDERS: Readonly<Record<string, string>> = {
  [REFERENCE]: 'http/contender-bare.ts',
  'bare Express again': 'http/contender-bare.ts',
  'express-prom-bundle': 'http/contender-express-prom-bundle.ts',
  OpenTelemetry: 'http/contender-opentelemetry.ts',
  'Keepwatch, metrics only': 'http/contender-keepwatch-metrics.ts',
  Keepwatch: 'http/contender-keepwatch.ts',
  'prom-client by hand': 'http/contender-prom-client.ts',
};
/** Ours, and those that it is compared with. */
const OURS = 'Keepwatch';
const PAIRED = 'prom-client by hand';
const PEERS = ['express-prom-bundle', 'OpenTelemetry'] as const;
const CONTENDER_CORE = 0;
const LOAD_CORE = 1;
const CONNECTIONS = 16;

const WAYS = ['TCP', 'in process'] as const;
type Way = (typeof WAYS)[number];

interface Slice {
  readonly cpuUsPerRequest: number;
  readonly requestsPerSecond: number;
}

interface Contestant {
  readonly child: Child<HttpContenderMethods>;
  readonly port: number;
  sent: number;
}

/** A slice of each size in requests. */
const SIZES = { full: { warmUp: 5000, slice: 1500 }, quick: { warmUp: 40, slice: 40 } } as const;

/** Runs the HTTP section. */
export async function runHttp(context: BenchContext): Promise<SectionResult> {
  const rounds = new Map<string, Turn<Slice>[][]>();
  const totals = new Map(Object.keys(CONTENDERS).map((name) => [name, { sent: 0, counted: 0 }]));
  const problems: string[] = [];
  for (let generation = 0; generation < context.effort.generations; generation++) {
    const generationOfProcesses = new Generation(context);
    await generationOfProcesses.start();
    for (let round = 0; round < context.effort.rounds; round++) {
      context.progress(
        `http: processes ${generation + 1}/${context.effort.generations}, round ${round + 1}/${context.effort.rounds}`,
      );
      for (const [way, kind] of WAYS.flatMap((way) => KINDS.map((kind) => [way, kind] as const))) {
        const key = `${way} ${kind}`;
        const others = Object.keys(CONTENDERS).filter((name) => name !== REFERENCE);
        const made = await takeTurns(REFERENCE, others, round + generation, (name) => generationOfProcesses.run(name, way, kind));
        rounds.set(key, [...(rounds.get(key) ?? []), made]);
      }
    }
    problems.push(...(await generationOfProcesses.finish(totals)));
  }
  return {
    name: 'http',
    notes: [...NOTES, ...KINDS.map((kind) => comparePeers(kind, rounds.get(`in process ${kind}`) ?? []))],
    tables: WAYS.flatMap((way) => KINDS.map((kind) => createTable(way, kind, rounds.get(`${way} ${kind}`) ?? [], totals))),
    problems,
  };
}

/** One set of fresh processes: every contender and the load. */
class Generation {
  readonly #context: BenchContext;
  readonly #load: Child<LoadMethods>;
  readonly #contestants = new Map<string, Contestant>();
  readonly #slice: number;
  readonly #warmUp: number;

  constructor(context: BenchContext) {
    this.#context = context;
    this.#load = context.children.start<LoadMethods>('http/load.ts', { core: LOAD_CORE });
    ({ slice: this.#slice, warmUp: this.#warmUp } = context.effort.isQuick ? SIZES.quick : SIZES.full);
  }

  async start(): Promise<void> {
    for (const [name, module] of Object.entries(CONTENDERS)) {
      const child = this.#context.children.start<HttpContenderMethods>(module, { core: CONTENDER_CORE });
      const port = await child.call('listen');
      await this.#load.call('connect', { port, connections: CONNECTIONS });
      this.#contestants.set(name, { child, port, sent: 0 });
      for (const kind of KINDS) {
        await this.run(name, 'TCP', kind, this.#warmUp);
        await this.run(name, 'in process', kind, this.#warmUp);
      }
    }
  }

  async run(name: string, way: Way, kind: Kind, requests = this.#slice): Promise<Slice> {
    const contestant = this.#contestants.get(name);
    if (contestant === undefined) throw new Error(`${name} was not started`);
    contestant.sent += requests;
    const { failed, seconds, cpuUs } =
      way === 'TCP' ? await this.#runTcp(contestant, kind, requests) : await contestant.child.call('drive', { kind, requests });
    if (failed > 0) throw new Error(`${name}: ${failed} of ${requests} answers to ${kind} were no complete 200`);
    return { cpuUsPerRequest: cpuUs / requests, requestsPerSecond: requests / seconds };
  }

  async #runTcp({ child, port }: Contestant, kind: Kind, requests: number) {
    const cpuBefore = await child.call('cpu');
    const { failed, seconds } = await this.#load.call('run', { port, kind, requests });
    return { failed, seconds, cpuUs: (await child.call('settledCpu')) - cpuBefore };
  }

  /** Ends the processes. @returns what they should have counted and did not */
  async finish(totals: Map<string, { sent: number; counted: number }>): Promise<string[]> {
    const problems: string[] = [];
    for (const [name, { child, sent }] of this.#contestants) {
      const { served, counted } = await child.call('counts');
      if (served !== sent) problems.push(`${name} served ${served} of ${sent} requests`);
      if (counted !== null && counted !== sent) problems.push(`${name} counted ${counted} of ${sent} requests`);
      const total = totals.get(name);
      if (total !== undefined) {
        total.sent += sent;
        total.counted += counted ?? served;
      }
      await child.stop();
    }
    await this.#load.stop();
    return problems;
  }
}

const COUNT_COLUMNS: readonly Column[] = [
  { name: 'sent', digits: 0 },
  { name: 'counted', digits: 0 },
];
const CPU_COLUMNS: readonly Column[] = [
  { name: 'CPU µs a request', digits: 1 },
  { name: 'added CPU µs', digits: 1, signed: true },
  { name: 'more than prom-client', digits: 1, signed: true },
];
const RATE_COLUMNS: readonly Column[] = [
  { name: 'requests/s', digits: 0 },
  { name: 'to bare', digits: 2 },
];

function createTable(
  way: Way,
  kind: Kind,
  rounds: readonly (readonly Turn<Slice>[])[],
  totals: ReadonlyMap<string, { sent: number; counted: number }>,
): Table {
  const turns = rounds.flat();
  const rows = Object.keys(CONTENDERS).map((contender) => {
    const cpu = cellsOf(turns, contender, cpuOf, differenceOf);
    const rate = cellsOf(turns, contender, (slice) => slice.requestsPerSecond, ratioOf);
    const { sent = 0, counted = 0 } = totals.get(contender) ?? {};
    const isPaired = contender !== REFERENCE && contender !== PAIRED;
    const paired = isPaired ? pairedDifferenceOf(rounds, contender, PAIRED, cpuOf) : '';
    return { contender, cells: way === 'TCP' ? [...cpu, paired, ...rate, sent, counted] : [...cpu, paired] };
  });
  const columns = way === 'TCP' ? [...CPU_COLUMNS, ...RATE_COLUMNS, ...COUNT_COLUMNS] : CPU_COLUMNS;
  return { title: `${kind === 'GET' ? 'GET /hello/:id' : 'POST /echo'}, ${way}`, columns, rows };
}

function cpuOf(slice: Slice): number {
  return slice.cpuUsPerRequest;
}

/** What is promised, in a sentence. */
function comparePeers(kind: Kind, rounds: readonly (readonly Turn<Slice>[])[]): string {
  const { median, low, high } = pairedDifferenceOf(rounds, OURS, PAIRED, cpuOf);
  const added = (contender: string) => differenceOf(rounds.flat(), contender, cpuOf).median;
  const shares = PEERS.map((peer) => `${(added(OURS) / added(peer)).toFixed(2)} of what ${peer} adds`);
  const paired = `${median.toFixed(1)} µs [${low.toFixed(1)} … ${high.toFixed(1)}] more than prom-client by hand, paired by round`;
  return `${kind} in process, Keepwatch with everything: ${paired}; ${shares.join(', ')}.`;
}

/** The value itself, then compared with the reference. */
function cellsOf(
  turns: readonly Turn<Slice>[],
  contender: string,
  value: (slice: Slice) => number,
  compare: typeof ratioOf,
): Cell[] {
  if (contender === REFERENCE) return [estimateOfReference(turns, value), ''];
  return [estimateOf(turns, contender, value), compare(turns, contender, value)];
}

const NOTES = [
  'Every contender is a process of its own, all alive at once on one core, taking turns in short slices; the load comes from another core over 16 kept-alive connections, an exact number of requests.',
  'Each slice is compared with the mean of the bare slices just before and after it. Cells: median [95% interval of the median] over all slices of all generations of fresh processes.',
  'CPU time is that of the whole process, kernel and garbage collection included, deferred work finished first. "in process" drives the same server through streams instead of TCP, which is sharper. "bare Express again" is a second bare process: what it shows is noise. "more than prom-client" is paired: both slices of one round.',
  'prom-client and express-prom-bundle keep metrics; OpenTelemetry is its instrumentation of http and Express with the SDKs of traces and metrics, whose exporters do nothing. "Keepwatch, metrics only" keeps metrics and trace context; "Keepwatch" also writes every request as a raw event to its spool on the disk. What brings the spool to Postgres is in the archive section. Nobody has default metrics of the process: their observer of garbage collection costs all alike.',
  '"sent" and "counted" are over the whole run, both ways and both routes, warm-up included: a contender that misses a request fails the run.',
];
