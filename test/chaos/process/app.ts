// The app of process runs: records and logs without pause and says on stdout, a JSON line each, what a finished flush has covered. Obeys lines on
// stdin: `quiet` (record no more), `clock <ms>` (the wall clock jumps by so much), `stop`.
// Arguments: its name, the library. The rest is in the environment, as for any app.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import type { ArchiveStats } from '../../../src/archive/archive.ts';
import { formatTag, logsOf } from '../evidence.ts';

const RealDate = Date;
let shiftMs = 0;
globalThis.Date = class extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(RealDate.now() + shiftMs);
    else super(...(given as [number]));
  }
  static override now(): number {
    return RealDate.now() + shiftMs;
  }
} as DateConstructor;

const [name = 'app', library = '../../../src/index.ts'] = process.argv.slice(2);
const { createKeepwatch } = (await import(library)) as typeof import('../../../src/index.ts');

const EVERY_MS = 5;
const EVENTS = 5;
const FAILURE_EVERY = 5;
const WARN_EVERY = 7;
const FLUSH_EVERY_MS = 100;

const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: unknown) => say({ stray: error instanceof Error ? error.stack : String(error) }));
}

const keepwatch = await createKeepwatch();
const { tracker } = keepwatch;
const delays = monitorEventLoopDelay({ resolution: 5 });
const recordUs: number[] = [];
const logStream = keepwatch.logStream();
let recorded = 0;
let logged = 0;

/** One execution that is measured; every fifth one fails. The app looks at each answer as if it mattered. */
function recordOne(): void {
  const number = ++recorded;
  const failure = new Error('expected');
  const startedMs = performance.now();
  let answer: unknown;
  try {
    answer = tracker.measure({ type: 'custom', name: 'work' }, (execution) => {
      execution.set({ chaos: `${name}:${number}` });
      if (number % FAILURE_EVERY === 0) throw failure;
      return number;
    });
  } catch (error) {
    answer = error;
  }
  recordUs[number % 4096] = (performance.now() - startedMs) * 1000;
  if (answer !== (number % FAILURE_EVERY === 0 ? failure : number)) say({ stray: `call ${number} gave ${String(answer)}` });
}

/** A line as a logger writes it; its time is that of the process, which a clock that jumps does not move. */
function logOne(): void {
  const number = ++logged;
  const level = number % WARN_EVERY === 0 ? 40 : 30;
  logStream.write(`{"level":${level},"msg":"line ${number}",${formatTag(logsOf(name), number)}}\n`);
}

/** What the disk or the queue refuses is not safe, whatever flush did. */
function isRefused(): boolean {
  return keepwatch.status().reasons.some((reason) => reason.startsWith('the spool'));
}

function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * q)] ?? 0;
}

function describeState(): object {
  const { archive, reasons } = keepwatch.status();
  const { spoolEvents = 0, logs } = (archive ?? {}) as Partial<ArchiveStats>;
  return { recorded, logged, waiting: spoolEvents + (logs?.spooled ?? 0), reasons };
}

let timer: NodeJS.Timeout | undefined;
let isStopping = false;
createInterface(process.stdin).on('line', (line) => {
  const [command, argument] = line.split(' ');
  if (command === 'clock') shiftMs += Number(argument);
  if (command === 'quiet') clearInterval(timer);
  if (command === 'stop') void stop();
});

async function stop(): Promise<void> {
  isStopping = true;
  clearInterval(timer);
  await keepwatch.stop();
  say({
    ...describeState(),
    ended: true,
    longestBlockMs: delays.max / 1e6,
    recordP99Us: quantile(recordUs.filter(Boolean), 0.99),
  });
  process.stdin.destroy();
}

await keepwatch.start();
timer = setInterval(() => {
  for (let event = 0; event < EVENTS; event++) recordOne();
  logOne();
}, EVERY_MS);
delays.enable();
say({ ready: true });
while (!isStopping) {
  const until = recorded;
  const untilLine = logged;
  const wasRefused = isRefused();
  await keepwatch.flush();
  say({ ...describeState(), ...(wasRefused || isRefused() ? {} : { safe: until, safeLines: untilLine }) });
  await new Promise((resolve) => setTimeout(resolve, FLUSH_EVERY_MS));
}
