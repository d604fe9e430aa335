// An app that does to Keepwatch whatever an app can do. Prints its port; each route is one kind of harm.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOSTILE_ERRORS, HOSTILE_VALUES } from '../../support/hostile.ts';

const RealDate = Date;
let shiftMs = 0;
globalThis.Date = class extends RealDate {
  constructor(...given: [number?]) {
    super(given[0] ?? RealDate.now() + shiftMs);
  }
  static override now(): number {
    return RealDate.now() + shiftMs;
  }
} as DateConstructor;

const { default: express } = await import('express');
const { createKeepwatch } = await import('../../../src/index.ts');
const { listen } = await import('../../../src/server/listen.ts');

const keepwatch = await createKeepwatch();
const { tracker } = keepwatch;
const app = express();
app.use(tracker.express());
app.use(keepwatch.router());
app.get('/ok/:id', (request, response) => {
  response.json({ id: request.params.id });
});
app.get('/ids/:id', (request, response) => {
  tracker.measure({ type: 'tool', name: request.query['name'] as string }, (execution) =>
    execution.set({ id: request.params.id, headers: request.headers, [request.params.id]: 1 }),
  );
  response.json({});
});
/** Every hostile value in every place of the public interface. @returns what was thrown into the app */
app.get('/attack', async (_request, response) => {
  const thrown: string[] = [];
  for (const [title, value] of Object.entries(HOSTILE_VALUES)) {
    for (const use of usesOf(value as never)) {
      try {
        await use();
      } catch (error) {
        thrown.push(`${title}: ${String(use)}: ${String(error)}`);
      }
      // One hostile object in ten places takes its time; the app has other work as well.
      await sleep(0);
    }
  }
  for (const error of Object.values(HOSTILE_ERRORS)) {
    const failing = tracker.track({ type: 'tool', name: 'failing' }, async () => {
      throw error;
    });
    await failing().then(
      () => thrown.push('it did not reject'),
      (caught) => (Object.is(caught, error) ? 0 : thrown.push('it rejected with something else')),
    );
  }
  for (let index = 0; index < 10_000; index++) {
    tracker.measure({ type: 'tool', name: `name ${index}` }, () => index);
    if (index % 1000 === 0) await sleep(0); // between them the ring is emptied
  }
  response.json({ thrown });
});
app.get('/throw/:what', (request) => {
  throw Object.values(HOSTILE_ERRORS)[Number(request.params.what)];
});
app.get('/shift', (request, response) => {
  shiftMs = Number(request.query['ms']);
  response.json({});
});
app.get('/status', (_request, response) => {
  response.json({ ...keepwatch.status(), counts: tracker.counts(), numbers: tracker.numbers() });
});
/** What a careless merge of a client's JSON does. */
app.get('/pollute', (_request, response) => {
  const junk = { polluted: 'yes', isAdmin: true, status: 'failure', timeoutMs: -1, damaged: 5, error: 'polluted' };
  for (const [key, value] of Object.entries(junk)) {
    Object.defineProperty(Object.prototype, key, { value, enumerable: true, writable: true, configurable: true });
  }
  response.json({});
});
app.get('/exit', () => {
  tracker.measure({ type: 'tool', name: 'last words' }, () => {});
  process.exit(7);
});
app.use((_error: unknown, _request: unknown, response: { status(code: number): { end(): void } }, _next: unknown) => {
  response.status(500).end();
});

function usesOf(hostile: never): (() => unknown)[] {
  return [
    () => tracker.measure({ type: hostile, name: 'n' }, () => 1),
    () => tracker.measure({ type: 'tool', name: hostile }, () => 1),
    () => tracker.measure({ type: 'llm', name: 'n', labels: hostile }, () => 1),
    () => tracker.measure({ type: 'agent', name: 'n', labels: { workspace: hostile, more: hostile } }, () => 1),
    () => tracker.measure({ type: 'db', name: 'n', metadata: hostile }, async (execution) => execution.set(hostile)),
    () => tracker.measure({ type: 'llm', name: 'n' }, (execution) => execution.tokens(hostile)),
    () => tracker.track({ type: 'tool', name: hostile, labels: hostile }, async () => 1)(),
    () => tracker.start(hostile).fail(hostile),
    () =>
      tracker.record({ type: 'tool', name: 'n' }, { durationMs: hostile, status: hostile, error: hostile, metadata: hostile }),
    () => tracker.endExecution(tracker.startExecution(hostile, hostile, hostile), hostile),
  ];
}

const server = await listen(createServer({ maxHeaderSize: 65_536 }, app), '127.0.0.1', 0);
await keepwatch.start();
process.stdout.write(`listening on ${server.port}\n`);
process.once('SIGTERM', () => {
  void server.stop().then(() => keepwatch.stop({ timeoutMs: 5000 }));
});
