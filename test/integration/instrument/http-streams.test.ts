// Streams: the time to their headers is their latency, their lifetime stands apart.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import express5, { type Express } from 'express';
import express4 from 'express4';
import type { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { type Framework, firstData, head, MeasuredApp, type MeasuredAppOptions } from '../../support/measured-app.ts';
import { waitFor } from '../../support/wait-for.ts';

/** How long streams live here: so much longer than the time to their headers that a busy machine does not blur the two. */
const LIFE_MS = 400;
const LATENCY = 'http_server_request_duration_seconds';
const LIFETIME = 'http_server_stream_duration_seconds';

const frameworks: [string, Framework][] = [
  ['Express 5', express5],
  ['Express 4', express4],
];

for (const [title, framework] of frameworks) {
  describe(`streams on ${title}`, () => {
    let app: MeasuredApp;

    async function serve(routes: (app: Express, tracker: ObservabilityTracker) => void, options: MeasuredAppOptions = {}) {
      app = await MeasuredApp.open(routes, { framework, ...options });
    }

    afterEach(() => app.close());

    /** That one stream was recorded: its latency is short, its lifetime is not. */
    async function assertStream(kind: string, { latencyBelowMs = LIFE_MS / 2 } = {}): Promise<void> {
      const [event] = app.sink.events;
      assert.equal(event?.metadata['stream'], kind);
      assert.ok(event.durationMs < latencyBelowMs, `latency ${event.durationMs}`);
      const lifetimeMs = event.metadata['stream_duration_ms'] as number;
      assert.ok(lifetimeMs >= LIFE_MS - 10, `lifetime ${lifetimeMs}`);
      const latencySum = (await app.sample(`${LATENCY}_sum`)) ?? Number.NaN;
      assert.ok(Math.abs(latencySum * 1000 - event.durationMs) < 0.01, 'histogram and event say the same');
      assert.equal(await app.sample(`${LATENCY}_count`), 1);
      const lifetimeSum = (await app.sample(`${LIFETIME}_sum`)) ?? Number.NaN;
      assert.ok(Math.abs(lifetimeSum * 1000 - lifetimeMs) < 0.01);
      assert.equal(await app.sample(`${LIFETIME}_count`), 1);
      assert.equal(await app.sample('http_server_active_streams'), 0);
      assert.equal(await app.sample('http_server_active_requests'), 0);
    }

    const waysToBegin: [string, (response: express5.Response) => void][] = [
      ['flushHeaders', (response) => response.type('text/event-stream').flushHeaders()],
      [
        'writeHead and write',
        (response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n'),
      ],
      [
        'a flat array of headers',
        (response) => void response.writeHead(200, ['Content-Type', 'text/event-stream']).write(':\n\n'),
      ],
      ['write alone', (response) => void response.set('Content-Type', 'text/event-stream; charset=utf-8').write(':\n\n')],
    ];
    for (const [way, begin] of waysToBegin) {
      it(`measures server-sent events to their headers: ${way}`, async () => {
        await serve((routes) => {
          routes.disable('x-powered-by');
          routes.get('/events/:topic', (_request, response) => {
            begin(response);
            setTimeout(() => response.end('data: 2\n\n'), LIFE_MS);
          });
        });
        await (await app.get('/events/a')).text();
        assert.deepEqual(await app.records(1), ['GET /events/:topic 200 success']);
        await assertStream('sse');
      });
    }

    it('takes the headers for sent when their bytes go out, not when they are made', async () => {
      await serve((routes) =>
        routes.get('/tokens', (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          setTimeout(() => response.write('data: first token\n\n'), LIFE_MS);
          setTimeout(() => response.end(), 2 * LIFE_MS);
        }),
      );
      await (await app.get('/tokens')).text();
      await app.records(1);
      assert.ok((app.sink.events[0]?.durationMs ?? 0) >= LIFE_MS - 10);
      await assertStream('sse', { latencyBelowMs: 2 * LIFE_MS - 10 });
    });

    it('counts open streams, and records one that its client leaves as aborted', async () => {
      await serve((routes) => routes.get('/events', (_request, response) => response.type('text/event-stream').flushHeaders()));
      const socket = app.connect(head('GET', '/events'));
      await firstData(socket);
      assert.equal(await app.sample('http_server_active_streams'), 1);
      await delay(LIFE_MS);
      socket.resetAndDestroy();
      assert.deepEqual(await app.records(1), ['GET /events 200 aborted client_disconnect']);
      await assertStream('sse');
    });

    it('measures what the app marks as a stream, before or after its headers', async () => {
      await serve((routes, tracker) => {
        routes.get('/before', (request, response) => {
          tracker.markStream(request);
          response.write('first');
          setTimeout(() => response.end('last'), LIFE_MS);
        });
        routes.get('/after', (request, response) => {
          response.write('first');
          tracker.markStream(request);
          setTimeout(() => response.end('last'), LIFE_MS);
        });
      });
      await (await app.get('/before')).text();
      await app.records(1);
      await assertStream('marked');
      await (await app.get('/after')).text();
      await app.records(2);
      assert.equal(app.sink.events[1]?.metadata['stream'], 'marked');
    });

    it('leaves the way in which an answer is sent to the app and its other middleware', async () => {
      await serve((routes) => {
        routes.use((_request, response, next) => {
          const { write } = response;
          response.write = ((chunk: string) => write.call(response, chunk.toUpperCase(), 'utf8')) as typeof write;
          next();
        });
        routes.get('/events', (_request, response) => {
          response.type('text/event-stream');
          response.write('data: a\n\n');
          response.write('data: b\n\n');
          response.end();
        });
      });
      assert.equal(await (await app.get('/events')).text(), 'DATA: A\n\nDATA: B\n\n');
      await app.records(1);
    });

    it('takes no ordinary answer for a stream', async () => {
      await serve((routes) => {
        routes.get('/slow', (_request, response) => {
          response.write('first');
          setTimeout(() => response.end('last'), LIFE_MS);
        });
        routes.get('/none', (_request, response) => void response.type('text/event-stream').status(204).end());
        routes.head('/events', (_request, response) => void response.type('text/event-stream').end());
      });
      await (await app.get('/slow')).text();
      await app.get('/none');
      await fetch(`http://127.0.0.1:${app.port}/events`, { method: 'HEAD' });
      await app.records(3);
      assert.ok(app.sink.events.every(({ metadata }) => metadata['stream'] === undefined));
      assert.ok((app.sink.events[0]?.durationMs ?? 0) >= LIFE_MS - 10);
    });

    it('measures an upgraded connection to its head, and its life apart', async () => {
      await serve(() => {});
      app.server.on(
        'upgrade',
        app.tracker.upgrade(
          (_request, socket) => {
            app.tracker.measure({ type: 'tool', name: 'greet' }, () => {});
            socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
            socket.on('data', () => socket.end('bye'));
          },
          { route: '/live' },
        ),
      );
      const socket = app.connect(head('GET', '/live?x=1', { Connection: 'Upgrade', Upgrade: 'echo' }));
      assert.match(await firstData(socket), /^HTTP\/1.1 101 /);
      assert.equal(await app.sample('http_server_active_streams'), 1);
      assert.equal(await app.sample('http_server_active_requests'), 0);
      await delay(LIFE_MS);
      socket.write('hello');
      assert.deepEqual((await app.records(2)).slice(1), ['GET /live 101 success']);
      const [greeting, upgrade] = app.sink.events;
      assert.equal(greeting?.parentSpanId, upgrade?.spanId);
      app.sink.events.shift();
      await assertStream('upgrade');
    });

    it('records an upgrade that is refused, and one that is never answered', async () => {
      await serve(() => {});
      app.server.on(
        'upgrade',
        app.tracker.upgrade((request, socket) => {
          socket.on('error', () => {});
          if (request.url === '/refused') socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
        }),
      );
      app.connect(head('GET', '/refused', { Connection: 'Upgrade', Upgrade: 'echo' })).resume();
      assert.deepEqual(await app.records(1), ['GET __unmatched__ 401 success']);
      const socket = app.connect(head('GET', '/ignored', { Connection: 'Upgrade', Upgrade: 'echo' }));
      await waitFor(async () => (await app.sample('http_server_active_requests')) === 1);
      socket.resetAndDestroy();
      assert.deepEqual((await app.records(2)).slice(1), ['GET __unmatched__ - aborted client_disconnect']);
      assert.equal(await app.sample('http_server_active_requests'), 0);
    });
  });
}
