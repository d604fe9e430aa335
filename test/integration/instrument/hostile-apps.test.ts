// Apps that do to requests and responses what nobody should: they run as without us, and each request is still recorded once.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, constants, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import type { RequestHandler } from 'express';
import express from 'express';
import express4 from 'express4';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { type Framework, firstData, head, MeasuredApp } from '../../support/measured-app.ts';
import { RecordingSink } from '../../support/recording-sink.ts';
import { waitFor } from '../../support/wait-for.ts';

const FRAMEWORKS: readonly (readonly [string, Framework])[] = [
  ['Express 4', express4],
  ['Express 5', express],
];

for (const [title, framework] of FRAMEWORKS) {
  describe(`express() in strange apps: ${title}`, () => {
    let measured: MeasuredApp | undefined;

    afterEach(async () => {
      await measured?.close();
      measured = undefined;
    });

    async function open(handler: RequestHandler): Promise<MeasuredApp> {
      measured = await MeasuredApp.open((app) => app.get('/x', handler), { framework });
      return measured;
    }

    /** Without a request, the response cannot be asked for anything through it. */
    function forgetRequest(response: object): void {
      Object.assign(response, { req: undefined });
    }

    /** Three requests are answered, and recorded. */
    async function answerThrice(app: MeasuredApp): Promise<void> {
      for (let index = 0; index < 3; index++) assert.match(await firstData(app.connect(head('GET', '/x'))), /200 OK/);
      assert.deepEqual(
        await app.records(3),
        Array.from({ length: 3 }, () => 'GET /x 200 success'),
      );
    }

    /** A client leaves once its request is there, and that is recorded. */
    async function leaveEarly(app: MeasuredApp, isReached: () => boolean): Promise<void> {
      const socket = app.connect(head('GET', '/x'));
      await waitFor(isReached, { what: 'the request' });
      socket.destroy();
      assert.deepEqual(await app.records(1), ['GET /x - aborted client_disconnect']);
      assert.equal(await app.sample('http_server_active_requests'), 0);
    }

    it('records a request whose response forgets it before it is answered', async () => {
      const app = await open((_request, response) => {
        forgetRequest(response);
        response.end('ok');
      });
      await answerThrice(app);
    });

    it('records a request whose response forgets it while it is sent', async () => {
      const app = await open((_request, response) => {
        response.end('ok');
        forgetRequest(response);
      });
      await answerThrice(app);
    });

    it('records a request whose response forgets it, and whose client leaves', async () => {
      let isReached = false;
      const app = await open((_request, response) => {
        forgetRequest(response);
        isReached = true;
      });
      await leaveEarly(app, () => isReached);
    });

    it('records a response that is answered through a proxy', async () => {
      const app = await open((_request, response) => void response.send('ok'));
      const [handler] = app.server.listeners('request') as [(...args: unknown[]) => void];
      app.server.removeAllListeners('request');
      app.server.on('request', (request, response) => handler(request, boundProxy(response)));
      await answerThrice(app);
    });

    it('records a request that comes to it when its connection has closed', async () => {
      let isReached = false;
      const app = await open((_request, response) => void response.send('ok'));
      const [handler] = app.server.listeners('request') as [(...args: unknown[]) => void];
      app.server.removeAllListeners('request');
      app.server.on('request', (request, response) => {
        request.socket.once('close', () => setImmediate(() => handler(request, response)));
        isReached = true;
      });
      await leaveEarly(app, () => isReached);
    });

    it('counts nothing as open on a socket that takes no property', async () => {
      const app = await open((_request, response) => void response.send('ok'));
      app.server.prependListener('request', (request) => {
        Object.defineProperty(request, 'socket', { value: new Proxy(request.socket, { set: () => false }) });
      });
      const socket = app.connect(head('GET', '/x', { connection: 'close' }));
      const closed = once(socket, 'close');
      socket.resume();
      await closed;
      assert.deepEqual(await app.records(1), ['GET /x 200 success']);
      assert.equal(await app.sample('http_server_active_requests'), 0);
      assert.equal(app.tracker.numbers().internalErrors, 0);
    });
  });
}

describe('express() before HTTP/2', () => {
  it('tells answers from what the client cancels', async () => {
    const sink = new RecordingSink();
    const tracker = new ObservabilityTracker({ service: 'test' });
    tracker.connect(sink);
    const middleware = tracker.express();
    const server = createServer((request, response) =>
      middleware(request as never, response as never, () => {
        if (request.url === '/answered') response.end('ok');
      }),
    );
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const answered = client.request({ ':path': '/answered' }).resume();
    const cancelled = client.request({ ':path': '/cancelled' });
    await once(answered, 'close');
    cancelled.close(constants.NGHTTP2_CANCEL);
    await waitFor(() => {
      tracker.flush();
      return sink.events.length === 2;
    });
    assert.deepEqual(sink.events.map(({ status }) => status).sort(), ['aborted', 'success']);
    client.close();
    await new Promise((done) => server.close(done));
  });
});

describe('upgrade() in strange apps', () => {
  it('records a connection that has closed by then, and leaves none open', async () => {
    const sink = new RecordingSink();
    const tracker = new ObservabilityTracker({ service: 'test' });
    tracker.connect(sink);
    const listener = tracker.upgrade();
    const request = () => ({ headers: {}, method: 'GET' }) as IncomingMessage;
    const closed = new PassThrough().resume();
    closed.destroy();
    await once(closed, 'close');
    listener(request(), closed, Buffer.alloc(0));
    // Nothing can be put before its methods: it is noted, and not measured.
    listener(request(), Object.freeze(new PassThrough()), Buffer.alloc(0));
    tracker.flush();
    assert.deepEqual(
      sink.events.map(({ name, status }) => `${name} ${status}`),
      ['GET __unmatched__ failure'],
    );
    assert.equal(tracker.numbers().internalErrors, 1);
    assert.match(await tracker.registry.metrics(), /^http_server_active_requests 0$/m);
  });
});

/** Its methods run on the response itself, as those of most wrappers do. */
function boundProxy<T extends object>(target: T): T {
  return new Proxy(target, {
    get(from, key) {
      const value: unknown = Reflect.get(from, key);
      return typeof value === 'function' ? (value.bind(from) as unknown) : value;
    },
  });
}
