// 50 clients of the API, each asking again as soon as it is answered, while GET /load says "on". SIGTERM: a line of JSON, what became of it.
// Arguments: URL of the app.
import type { ClientsReport } from '../clients-report.ts';

const [url = ''] = process.argv.slice(2);
const CLIENTS = 50;
const LOOK_MS = 50;
const FAILURES_SHOWN = 20;
const PATHS = [
  '/events?limit=50',
  '/events?name=GET+/things/:id&status=failure&limit=50',
  '/events?metadata.user_id=7&min_duration_ms=10&limit=20',
  '/summary',
  '/timeseries?agg=p95',
  '/timeseries?agg=rate&group_by=name',
  '/dimensions',
  '/dashboard',
];

const report: ClientsReport = { requests: 0, failures: [] };
let isOn = false;
let isEnding = false;

async function ask(path: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/api/v1${path}`);
    const body = (await response.json()) as { status: string; error?: string; data?: { cursor?: string } };
    report.requests++;
    if (response.status !== 200 || body.status !== 'success') throw new Error(`${response.status} ${body.error}`);
    return body.data?.cursor;
  } catch (error) {
    if (report.failures.length < FAILURES_SHOWN) report.failures.push(`${path}: ${String(error)}`);
    return undefined;
  }
}

async function runClient(index: number): Promise<void> {
  for (let turn = index; !isEnding; turn++) {
    if (!isOn) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      continue;
    }
    const path = PATHS[turn % PATHS.length] ?? '';
    const cursor = await ask(path);
    if (cursor !== undefined) await ask(`${path}&cursor=${cursor}`);
  }
}

async function look(): Promise<void> {
  const load = await fetch(`${url}/load`).catch(() => undefined);
  if (load !== undefined) isOn = (await load.text()) === 'on';
}

const looking = setInterval(() => void look(), LOOK_MS);
const clients = Promise.all(Array.from({ length: CLIENTS }, (_, index) => runClient(index)));

async function end(): Promise<void> {
  isEnding = true;
  clearInterval(looking);
  await clients;
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}
process.once('SIGTERM', () => void end());
process.stdout.write('ready\n');
