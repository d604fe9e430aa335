// What other servers get with the calls of fetch that executions make, over real connections. node:http: node-http-calls.test.ts.
import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import { context, propagation, trace } from '@opentelemetry/api';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Propagation } from '../../../src/instrument/tracing/outgoing-calls.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import type { TrackerOptions } from '../../../src/instrument/tracker-options.ts';
import { type HeaderServer, startHeaderServer } from '../../support/header-server.ts';
import { RecordingSink } from '../../support/recording-sink.ts';
import { waitFor } from '../../support/wait-for.ts';

const CREATED = 'http.client.request.created';
const CALL = { type: 'tool', name: 'call' } as const;

describe('outgoing calls', () => {
  let server: HeaderServer;
  const trackers: ObservabilityTracker[] = [];
  beforeEach(async () => {
    server = await startHeaderServer((request, response) => {
      if (request.url === '/redirect') response.writeHead(302, { location: '/end' });
      response.end('ok');
    });
  });
  afterEach(async () => {
    for (const tracker of trackers.splice(0)) tracker.stop();
    await server.stop();
  });

  function start(options: Partial<TrackerOptions> = {}): ObservabilityTracker {
    const tracker = new ObservabilityTracker({ service: 'test', ...options });
    tracker.start();
    trackers.push(tracker);
    return tracker;
  }
  const get = async (options?: RequestInit) => void (await (await fetch(server.url, options)).text());

  const ways: [string, (headers?: Record<string, string>) => Promise<void>][] = [
    ['fetch', (headers) => get({ headers: headers ?? {} })],
    ['fetch with a body', (headers) => get({ method: 'POST', body: 'x', headers: headers ?? {} })],
  ];
  for (const [way, call] of ways) {
    it(`${way}: carries the execution as the parent`, async () => {
      const tracker = start();
      const expected = await tracker.measure(CALL, async (execution) => {
        await call();
        await call();
        return execution.traceparent();
      });
      assert.deepEqual(server.values('traceparent'), [[expected], [expected]]);
      assert.deepEqual(server.values('tracestate'), [[], []]);
    });

    it(`${way}: leaves a traceparent that the app set`, async () => {
      const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
      await start().measure(CALL, () => call({ TraceParent: traceparent }));
      assert.deepEqual(server.values('traceparent'), [[traceparent]]);
    });

    it(`${way}: carries nothing outside of executions, before start, after stop and while disabled`, async () => {
      const tracker = start();
      await call();
      tracker.disable();
      await tracker.measure(CALL, () => call());
      tracker.enable();
      tracker.stop();
      await tracker.measure(CALL, () => call());
      tracker.disable();
      tracker.enable();
      await tracker.measure(CALL, () => call());
      assert.deepEqual(server.values('traceparent'), [[], [], [], []]);
      tracker.start();
      await tracker.measure(CALL, () => call());
      assert.equal(server.values('traceparent')[4]?.length, 1);
    });

    it(`${way}: carries one header, whoever else measures`, async () => {
      const [outer, inner] = [start(), start()];
      await outer.measure(CALL, () => inner.measure(CALL, () => call()));
      assert.deepEqual(
        server.values('traceparent').map((values) => values.length),
        [1],
      );
    });

    it(`${way}: tells only the hosts that it may`, async () => {
      const told = async (propagate: Propagation) => {
        await start({ propagate }).measure(CALL, () => call());
        for (const tracker of trackers.splice(0)) tracker.stop();
        return server.values('traceparent').at(-1)?.length === 1;
      };
      assert.equal(await told('all'), true);
      assert.equal(await told(['example.com', '127.0.0.1']), true);
      assert.equal(await told(['*.0.0.1']), true);
      assert.equal(await told('none'), false);
      assert.equal(await told([]), false);
      assert.equal(await told(['example.com', '*.127.0.0.1', '0.0.1', '*.1.0.0.1']), false);
    });
  }

  it('carries on the tracestate of the caller, with its flags', async () => {
    const tracker = start();
    const middleware = tracker.express();
    const caller = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`, tracestate: 'foo=1, bar=2' };
    const front = await startHeaderServer((incoming, response) =>
      middleware(
        incoming as never,
        response as never,
        () => void get().then(() => response.end(JSON.stringify(tracker.traceHeaders()))),
      ),
    );
    const helper = (await (await fetch(front.url, { headers: caller })).json()) as Record<string, string>;
    await front.stop();
    assert.deepEqual(server.values('tracestate'), [['foo=1, bar=2']]);
    assert.match(server.values('traceparent')[0]?.[0] ?? '', new RegExp(`^00-${'a'.repeat(32)}-(?!b{16})[0-9a-f]{16}-00$`));
    assert.deepEqual(helper, { traceparent: server.values('traceparent')[0]?.[0], tracestate: 'foo=1, bar=2' });
  });

  it('follows a redirect with one header at each hop', async () => {
    await start().measure(CALL, async () => void (await fetch(`${server.url}/redirect`)).text());
    assert.deepEqual(
      server.values('traceparent').map((values) => values.length),
      [1, 1],
    );
  });

  it('lets a request be aborted as before', async () => {
    await start().measure(CALL, async () => {
      const controller = new AbortController();
      const fetched = fetch(server.url, { signal: controller.signal });
      controller.abort();
      await assert.rejects(fetched, { name: 'AbortError' });
      await assert.rejects(fetch(server.url, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    });
  });

  it('gives what has no channel its headers by hand', async () => {
    const tracker = start({ propagate: 'none' });
    assert.deepEqual(tracker.traceHeaders(), {});
    assert.deepEqual(new ObservabilityTracker({ service: 'test', tracing: false }).traceHeaders(), {});
    const expected = await tracker.measure(CALL, async (execution) => {
      await get({ headers: { ...tracker.traceHeaders() } });
      return execution.traceparent();
    });
    assert.deepEqual(server.values('traceparent'), [[expected]]);
  });

  it('keeps the executions of calls that run at once apart', async () => {
    const tracker = start();
    const sink = new RecordingSink();
    tracker.connect(sink);
    const work = tracker.track(CALL, async (index: number) => {
      await get({ headers: { 'x-index': String(index) } });
      return tracker.currentTraceContext()?.spanId;
    });
    const spanIds = await Promise.all(Array.from({ length: 50 }, (_, index) => work(index)));
    await waitFor(() => server.values('x-index').length === 50);
    const sent = server.values('traceparent').map(([value]) => value?.split('-')[2]);
    for (const [at, [index]] of server.values('x-index').entries()) assert.equal(sent[at], spanIds[Number(index)]);
    tracker.flush();
    assert.equal(new Set(sink.events.map((event) => event.spanId)).size, 50);
  });

  it('steps behind a listener of OpenTelemetry that came later and adds a header unseen', async () => {
    const tracker = start();
    const theirs = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
    const listener = (message: unknown) =>
      (message as { request: { addHeader(name: string, value: string): void } }).request.addHeader('traceparent', theirs);
    new NodeTracerProvider().register();
    diagnostics.subscribe('undici:request:create', listener);
    try {
      for (let index = 0; index < 3; index++) await tracker.measure(CALL, () => get());
    } finally {
      diagnostics.unsubscribe('undici:request:create', listener);
      for (const api of [trace, context, propagation]) api.disable();
    }
    assert.deepEqual(server.values('traceparent'), [[theirs], [theirs], [theirs]]);
    await tracker.measure(CALL, () => get());
    assert.equal(server.values('traceparent')[3]?.length, 1);
  });

  it('survives what a channel may publish', () => {
    const tracker = start();
    const hostile = [undefined, 7, {}, { request: undefined }, { request: { headers: { length: 3 } } }];
    const publish = () => {
      for (const message of hostile) {
        for (const channel of ['undici:request:create', CREATED]) diagnostics.channel(channel).publish(message);
      }
    };
    tracker.measure(CALL, publish);
    publish();
    assert.ok(tracker.numbers().internalErrors > 0);
  });

  it('listens only while it is started, and tracing is on', () => {
    const isHeard = () => ['undici:request:create', CREATED].map((name) => diagnostics.hasSubscribers(name));
    for (const options of [{ tracing: false }, { propagate: 'none' }] as const) {
      start(options);
      assert.deepEqual(isHeard(), [false, false]);
    }
    const tracker = start();
    tracker.start();
    assert.deepEqual(isHeard(), [true, true]);
    tracker.stop();
    assert.deepEqual(isHeard(), [false, false]);
  });
});
