// An app that measures and archives while its Postgres goes away for a day, whose time passes as fast as the disk takes what is recorded.
// It says on stdout how it does, a line of JSON a second. SIGUSR2: the day passes now. SIGTERM: stop, with a last line.
// Arguments: URL of the database, folder of the spool, its cap in bytes, events of the day, events a second at other times.
import { createArchive } from '../../../src/archive/archive.ts';
import { createClock } from '../../../src/instrument/clock.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { OutageReport, Phase } from '../outage-report.ts';

const [url = '', spoolDir = '', ...numbers] = process.argv.slice(2);
const [spoolMaxBytes = 0, dayEvents = 0, rate = 0] = numbers.map(Number);
const DAY_MS = 86_400_000;
/** Half a ring: what is recorded before the sink has its turn. */
const CHUNK = 4096;
const FAILS_EVERY = 50;
const ROUTES = ['GET /items/:id', 'POST /items', 'GET /users/:id/orders', 'GET /search'];
const SAMPLE_MS = 100;

/** Begins a day ago; when the day has passed it is right. */
let passedMs = 0;
const startedMs = performance.now();
const anchorMs = Date.now() - DAY_MS;
const monotonicMs = () => performance.now() - startedMs + passedMs;
const tracker = new ObservabilityTracker({
  service: 'outage',
  clock: createClock({ wallMs: () => anchorMs + monotonicMs(), monotonicMs }),
});
const archive = createArchive({
  connection: { url },
  spoolDir,
  spoolMaxBytes,
  durability: 'process',
  service: 'outage',
  instance: 'outage:1',
  cron: '*/2 * * * * *',
  now: () => tracker.now(),
  collect: () => tracker.flush(),
  logger: silentLogger,
});
tracker.connect(archive.sink);
tracker.start();
archive.start();

let recorded = 0;
let failures = 0;
function recordOne(name?: string): void {
  const number = recorded++;
  const execution = tracker.start({
    type: 'api',
    name: name ?? ROUTES[number % ROUTES.length] ?? '',
    metadata: { tenant: `tenant-${number % 97}`, bytes: (number * 7919) % 65_536, cached: number % 3 === 0 },
  });
  if (number % FAILS_EVERY === 0) failures++;
  if (number % FAILS_EVERY === 0) execution.fail(new Error('upstream answered 503'));
  else execution.end();
}

/** As fast as the spool takes them. */
async function recordAll(events: number, stepMs: number): Promise<void> {
  for (let done = 0; done < events; ) {
    for (const until = Math.min(events, done + CHUNK); done < until; done++) {
      recordOne();
      passedMs += stepMs;
    }
    do {
      tracker.flush();
      await new Promise((resolve) => setImmediate(resolve));
    } while (tracker.counts().waiting > 0);
  }
}

let phase: Phase = 'warm';
let phaseMaxRss = 0;
let lastRss = 0;
const sampler = setInterval(() => {
  lastRss = process.memoryUsage.rss();
  phaseMaxRss = Math.max(phaseMaxRss, lastRss);
}, SAMPLE_MS);

function say(): void {
  const { archived, dropped, spoolBytes, spoolEvents, batches, state } = archive.stats();
  const ringDropped = Object.values(tracker.counts().dropped).reduce((sum, count) => sum + count, 0);
  const report: OutageReport = {
    phase,
    seconds: (performance.now() - startedMs) / 1000,
    rss: lastRss,
    phaseMaxRss,
    recorded,
    failures,
    ringDropped,
    archived,
    dropped,
    spoolBytes,
    spoolEvents,
    batches,
    state,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function enter(next: Phase): void {
  say();
  phase = next;
  phaseMaxRss = 0;
}

let isLive = true;
let dueAt = performance.now();
const live = setInterval(() => {
  if (!isLive) dueAt = performance.now();
  for (; dueAt <= performance.now(); dueAt += 1000 / rate) recordOne();
}, 20);
const saying = setInterval(say, 1000);

async function passDay(): Promise<void> {
  enter('outage');
  isLive = false;
  await recordAll(dayEvents, DAY_MS / dayEvents);
  await archive.flush();
  passedMs = DAY_MS;
  isLive = true;
  enter('back');
}

process.once('SIGUSR2', () => void passDay());
async function end(): Promise<void> {
  clearInterval(live);
  await archive.flush();
  await archive.stop({ timeoutMs: 60_000 });
  tracker.stop();
  for (const timer of [saying, sampler]) clearInterval(timer);
  enter('ended');
  say();
}
process.once('SIGTERM', () => void end());

// As busy as it will ever be, so that what grows afterwards is not the heap of an app that has just begun.
await recordAll(200_000, 0);
enter('ready');
