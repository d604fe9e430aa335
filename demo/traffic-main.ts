// The traffic as a process of its own: `node dist/demo/traffic-main.js --url http://127.0.0.1:3000 --rate 50 --count 1000`.
// Prints a JSON line per window if asked, and one with the totals at the end. SIGTERM and SIGINT end it in order.
import { parseArgs } from 'node:util';
import { startTraffic, type TrafficAnswer, type TrafficTotals } from './traffic.ts';
import { TRAFFIC_MIXES } from './traffic-plan.ts';

const USAGE = `usage: traffic-main --url <http://host:port> [options]
  --rate <n>          requests per second; default 20; "max" for as fast as the concurrency allows
  --count <n>         how many requests; default: until SIGTERM
  --concurrency <n>   in flight at most; default 50
  --seed <n>          default 1
  --mix <name>        ${TRAFFIC_MIXES.join(', ')}; default realistic
  --window <seconds>  also print a JSON line for each window: counts, p50_ms, p99_ms`;

/** Reads the arguments. @throws Error saying what is wrong */
function parseOptions() {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      rate: { type: 'string', default: '20' },
      count: { type: 'string' },
      concurrency: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      mix: { type: 'string', default: 'realistic' },
      window: { type: 'string' },
    },
  });
  const mix = TRAFFIC_MIXES.find((name) => name === values.mix);
  if (values.url === undefined || !URL.canParse(values.url))
    throw new Error('--url: allowed: a URL such as http://127.0.0.1:3000');
  if (mix === undefined) throw new Error(`--mix: got "${values.mix}"; allowed: ${TRAFFIC_MIXES.join(', ')}`);
  return {
    url: new URL(values.url).origin,
    rate: values.rate === 'max' ? Number.POSITIVE_INFINITY : positive('--rate', values.rate),
    concurrency: whole('--concurrency', values.concurrency, 1),
    seed: whole('--seed', values.seed, 0),
    mix,
    ...(values.count === undefined ? {} : { count: whole('--count', values.count, 1) }),
    windowSeconds: values.window === undefined ? undefined : positive('--window', values.window),
  };
}

function positive(name: string, given: string): number {
  const number = Number(given);
  if (!(number > 0)) throw new Error(`${name}: got "${given}"; allowed: a number above 0`);
  return number;
}

function whole(name: string, given: string, least: number): number {
  const number = Number(given);
  if (!Number.isSafeInteger(number) || number < least)
    throw new Error(`${name}: got "${given}"; allowed: a whole number from ${least}`);
  return number;
}

/** Collects answers and prints a line when its window ends. */
function reportWindows(windowSeconds: number): { add(answer: TrafficAnswer): void; stop(): void } {
  let answers: TrafficAnswer[] = [];
  const print = (): void => {
    const sorted = answers.map((answer) => answer.durationMs).sort((a, b) => a - b);
    const isGood = ({ status }: TrafficAnswer) => status !== undefined && status >= 200 && status < 300;
    const line = {
      window_end: new Date().toISOString(),
      answers: answers.length,
      non_2xx: answers.filter((answer) => !isGood(answer)).length,
      p50_ms: quantile(sorted, 0.5),
      p99_ms: quantile(sorted, 0.99),
    };
    answers = [];
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };
  const timer = setInterval(print, windowSeconds * 1000);
  return { add: (answer) => void answers.push(answer), stop: () => clearInterval(timer) };
}

/** The smallest value with at least the share `q` of all at or below it; null when there are none. */
function quantile(sorted: readonly number[], q: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
  return value === undefined ? null : Math.round(value * 100) / 100;
}

async function main(): Promise<TrafficTotals> {
  const { windowSeconds, ...options } = parseOptions();
  const windows = windowSeconds === undefined ? undefined : reportWindows(windowSeconds);
  const traffic = startTraffic({
    ...options,
    ...(windows === undefined ? {} : { onAnswer: (answer: TrafficAnswer) => windows.add(answer) }),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void traffic.stop());
  const totals = await traffic.done;
  windows?.stop();
  return totals;
}

main().then(
  (totals) => process.stdout.write(`${JSON.stringify(totals)}\n`),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    process.exitCode = 2;
  },
);
