// Calls servers by node:http and node:https in the ways in which apps do, and prints what came of it, by title, as JSON: of each request
// `parent` where it carried the execution that made it as the parent, `none` where it had no traceparent, else what it had.
// With the argument `late`, two copies of the package are registered when node:http is loaded.
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import http, { type ClientRequest, get, type IncomingMessage, request } from 'node:http';
import https, { get as httpsGet, request as httpsRequest } from 'node:https';
import { createRequire } from 'node:module';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Propagation } from '../../../../src/instrument/tracing/outgoing-calls.ts';
import type { TraceHeaders } from '../../../../src/instrument/tracing/trace-headers.ts';
import { ObservabilityTracker } from '../../../../src/instrument/tracker.ts';
import type { TrackerOptions } from '../../../../src/instrument/tracker-options.ts';
import { createSelfSigned } from '../../../conformance/self-signed.ts';
import { type HeaderServer, startHeaderServer } from '../../../support/header-server.ts';
import { createSecondCopy } from '../../../support/second-copy.ts';

if (process.argv[2] === 'late') {
  await import('../../../../src/register.ts');
  const copy = createSecondCopy();
  await copy.load('src/register.ts');
  copy.remove();
}

const CALL = { type: 'tool', name: 'call' } as const;
const CREATED = 'http.client.request.created';
const load = createRequire(import.meta.url);
const results: Record<string, unknown> = {};
const plain = await startHeaderServer();
const secure = await startHeaderServer((_incoming, response) => void response.end(), createSelfSigned());

/** Waits for the answer, to its end. */
async function answer(sent: ClientRequest): Promise<void> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  await once(response.resume(), 'end');
}
const finish = (sent: ClientRequest) => answer(sent.end());

type Call = (url: string, headers: () => TraceHeaders) => unknown;

/** What the server got with the requests that `call` makes in an execution. */
async function told(call: Call, options: Partial<TrackerOptions> = {}, { url, values }: HeaderServer = plain) {
  const tracker = new ObservabilityTracker({ service: 'test', ...options });
  tracker.start();
  const before = values('traceparent').length;
  const parent = await tracker.measure(CALL, async (execution) => {
    await call(url, () => tracker.traceHeaders());
    return execution.traceparent();
  });
  tracker.stop();
  return values('traceparent')
    .slice(before)
    .map((found) => (found.length === 0 ? 'none' : found.join().replace(parent ?? '', 'parent')));
}

const ways = {
  'import { request }': { plain: { request, get }, secure: { request: httpsRequest, get: httpsGet } },
  'import http': { plain: http, secure: https },
  require: { plain: load('http') as typeof http, secure: load('node:https') as typeof https },
};
for (const [way, modules] of Object.entries(ways)) {
  for (const [kind, server] of Object.entries({ plain, secure })) {
    const module = modules[kind as 'plain' | 'secure'];
    results[`${way}, ${kind}`] = await told(
      async (url) => {
        await finish(module.request(url));
        await finish(module.request(url, { method: 'POST', agent: false }));
        await answer(module.get(url));
      },
      {},
      server,
    );
  }
}

results['forms of get'] = await told(async (url) => {
  const { hostname, port } = new URL(url);
  const options = { hostname, port, path: '/options' };
  await answer(http.get(new URL(url)));
  await answer(http.get(options));
  await answer(http.get(url, { path: '/both' }));
  const answers: Promise<IncomingMessage>[] = [
    new Promise((done) => http.get(url, done)),
    new Promise((done) => http.get(options, done)),
    new Promise((done) => http.get(new URL(url), { path: '/all' }, done)),
  ];
  for (const response of await Promise.all(answers)) await once(response.resume(), 'end');
});

results['a keep-alive agent'] = await told(async (url) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const first = http.get(url, { agent });
  const waiting = http.get(url, { agent });
  await Promise.all([answer(first), answer(waiting)]);
  const third = http.get(url, { agent });
  await answer(third);
  results['sockets that were used again'] = [first, waiting, third].map(({ reusedSocket }) => reusedSocket);
  agent.destroy();
});

const theirs = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
results['a traceparent of the app'] = await told((url) => answer(http.get(url, { headers: { TraceParent: theirs } })));
results['headers as an array, and sent ones'] = await told(async (url) => {
  await answer(http.get(url, { headers: ['Host', 'test'] as never }));
  await finish(http.request(url, { headers: { expect: '100-continue' } }));
});
results['by hand'] = await told((url, headers) => answer(http.get(url, { headers: { ...headers() } })), { propagate: 'none' });

const hosts: [string, Propagation][] = [
  ['all', 'all'],
  ['this one', ['example.com', '127.0.0.1']],
  ['none', 'none'],
  ['another', ['example.com']],
];
for (const [which, propagate] of hosts) results[`hosts: ${which}`] = await told((url) => answer(http.get(url)), { propagate });
results['tracing is off'] = await told((url) => answer(http.get(url)), { tracing: false });
results['disabled'] = await told((url) => answer(http.get(url)), { enabled: false });
results['two trackers'] = await told((url) => told(() => answer(http.get(url))));

const tracker = new ObservabilityTracker({ service: 'test' });
const before = plain.values('traceparent').length;
await tracker.measure(CALL, () => answer(http.get(plain.url)));
tracker.start();
await answer(http.get(plain.url));
tracker.stop();
await tracker.measure(CALL, () => answer(http.get(plain.url)));
results['before start, outside, after stop'] = plain.values('traceparent').slice(before);

/** How it ends: the code of the error, or what came. */
const ending = (work: () => unknown) =>
  Promise.resolve()
    .then(work)
    .then(String, (error: NodeJS.ErrnoException) => error.code ?? error.name);
results['aborts'] = await told(async (url) => {
  const controller = new AbortController();
  const aborted = http.get(url, { signal: controller.signal });
  const ended = [ending(() => answer(aborted)), ending(() => answer(http.get(url, { signal: AbortSignal.abort() })))];
  controller.abort();
  const destroyed = http.request(url);
  ended.push(ending(() => finish(destroyed)));
  destroyed.destroy();
  results['endings of aborts'] = await Promise.all(ended);
});

const wrong: unknown[][] = [
  ['no URL'],
  ['ftp://127.0.0.1'],
  [{ path: 'a b' }],
  [{ method: 'A B' }],
  [{ method: 7 }],
  [{ agent: {} }],
  [{ headers: { 'a b': 'c' } }],
  [{ hostname: 7 }],
  ['http://127.0.0.1', { headers: { traceparent: undefined } }],
];
const described = [http, https].flatMap((module) =>
  (['request', 'get'] as const).map((name) => ({
    module,
    name,
    call: module[name] as unknown as (...args: unknown[]) => ClientRequest,
  })),
);
results['errors'] = await told(async () => {
  results['what they throw'] = await Promise.all(
    described.flatMap(({ call }) => wrong.map((args) => ending(() => Reflect.apply(call, { any: 'this' }, args)))),
  );
});
results['descriptions'] = described.map(({ module, name, call }) => {
  const { value: _, ...descriptor } = Object.getOwnPropertyDescriptor(module, name) ?? {};
  const made = Reflect.construct(call, [{ createConnection: () => undefined }]) as ClientRequest;
  made.on('error', () => undefined).destroy();
  return {
    name: call.name,
    length: call.length,
    own: Reflect.ownKeys(call),
    descriptor,
    isRequest: made instanceof http.ClientRequest,
  };
});
results['own names'] = [Object.keys(http), Object.keys(https)];

let messages = 0;
const count = () => void messages++;
diagnostics.subscribe(CREATED, count);
await answer(http.get(plain.url));
await finish(http.request(plain.url));
await ending(() => http.get('no URL'));
diagnostics.unsubscribe(CREATED, count);
results['messages of two requests'] = messages;

const failing = () => {
  throw new Error('a subscriber failed');
};
const uncaught: unknown[] = [];
process.on('uncaughtException', (error) => uncaught.push(error.message));
diagnostics.subscribe(CREATED, failing);
results['beside a subscriber that fails'] = await told((url) => answer(http.get(url)));
diagnostics.unsubscribe(CREATED, failing);
results['uncaught'] = uncaught;

const provider = new NodeTracerProvider();
provider.register();
const instrumentation = new HttpInstrumentation();
instrumentation.setTracerProvider(provider);
const patched = load('http') as typeof http;
results['headers beside OpenTelemetry'] = (await told((url) => answer(patched.get(url)))).map(
  (value) => value !== 'parent' && /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/.test(value),
);

await Promise.all([plain.stop(), secure.stop()]);
process.stdout.write(JSON.stringify(results), () => process.exit(0));
