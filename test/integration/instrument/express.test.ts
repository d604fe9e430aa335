import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import express5 from 'express';
import express4 from 'express4';
import { markUncounted } from '../../../src/instrument/http/express.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { RecordingSink } from '../../support/recording-sink.ts';
import { waitFor } from '../../support/wait-for.ts';

type Framework = typeof express5;

/** A server with `routes` behind the middleware, and what was recorded of its requests. */
class TestServer {
  readonly sink = new RecordingSink();
  readonly tracker: ObservabilityTracker;
  readonly #server: Server;

  constructor(express: Framework, routes: (app: express5.Express, tracker: ObservabilityTracker) => void) {
    this.tracker = new ObservabilityTracker({ service: 'test' });
    this.tracker.connect(this.sink);
    const app = express();
    app.set('env', 'test');
    app.use(this.tracker.express());
    routes(app, this.tracker);
    this.#server = createServer(app);
  }

  /** A server that listens. */
  static async open(
    express: Framework,
    routes: (app: express5.Express, tracker: ObservabilityTracker) => void,
  ): Promise<TestServer> {
    const server = new TestServer(express, routes);
    await server.listen();
    return server;
  }

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async request(method: string, path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { method, headers });
    return { status: response.status, body: await response.text() };
  }

  /** Sends a request and cuts the connection: at once, or after the first bytes of the answer. */
  async cut(path: string, when: 'before headers' | 'in the body'): Promise<void> {
    const socket = connect(this.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
    if (when === 'in the body') await new Promise((done) => socket.once('data', done));
    else await waitFor(async () => (await this.active()) === 1);
    socket.resetAndDestroy();
  }

  async active(): Promise<number> {
    const text = await this.tracker.registry.metrics();
    return Number(/^http_server_active_requests (\d+)/m.exec(text)?.[1]);
  }

  /** Waits until `count` requests are recorded. @returns their names and status, `POST /chat success 200` */
  async recorded(count: number): Promise<string[]> {
    await waitFor(() => {
      this.tracker.flush();
      return this.sink.events.length >= count;
    });
    return this.sink.events.map(
      ({ name, status, metadata }) => `${name} ${status} ${(metadata['http_response_status_code'] as number | undefined) ?? '-'}`,
    );
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

const frameworks: [string, Framework][] = [
  ['Express 5', express5],
  ['Express 4', express4],
];

for (const [title, express] of frameworks) {
  describe(`tracker.express() on ${title}`, () => {
    let server: TestServer;

    async function serve(routes: (app: express5.Express, tracker: ObservabilityTracker) => void): Promise<void> {
      server = await TestServer.open(express, routes);
    }

    afterEach(() => server.close());

    /** What is asked, and what has to be recorded. */
    const truth: [string, string][] = [
      ['GET /', 'GET / success 200'],
      ['GET /plain?secret=1', 'GET /plain success 200'],
      ['HEAD /plain', 'HEAD /plain success 200'],
      ['GET /users/42', 'GET /users/:id success 200'],
      ['GET /users/42/?q=1', 'GET /users/:id success 200'],
      ['POST /users/42', 'POST /users/:id success 201'],
      ['GET /users/a%2Fb', 'GET /users/:id success 200'],
      ['GET /users/missing', 'GET /users/:id success 404'],
      ['GET /api/items/7', 'GET /api/items/:item success 200'],
      ['GET /api', 'GET /api success 200'],
      ['GET /api/nowhere', 'GET __unmatched__ success 404'],
      ['GET /tenants/acme/orders/9', 'GET /tenants/:tenant/orders/:order success 200'],
      ['GET /tenants/acme/orders/fail', 'GET /tenants/:tenant/orders/:order failure 500'],
      ['GET /tenants/acme/deep/a/b', 'GET /tenants/:tenant/deep/:x/:y success 200'],
      ['GET /sub/inner/5', 'GET /sub/inner/:n success 200'],
      ['GET /sub/boom', 'GET /sub/boom failure 500'],
      ['GET /boom', 'GET /boom failure 500'],
      ['GET /invalid', 'GET /invalid success 422'],
      ['GET /next-error', 'GET /next-error failure 503'],
      ['GET /guarded/nothing', 'GET __unmatched__ success 404'],
      ['GET /handover/1', 'GET /handover/:second success 200'],
      ['GET /one', 'GET /one success 200'],
      ['GET /two', 'GET /two success 200'],
      ['GET /regexp-12', 'GET /^\\/regexp-(\\d+)$/ success 200'],
      ['GET /answered-by-middleware', 'GET /answered-by-middleware success 200'],
      ['GET /after', 'GET /after success 200'],
      ['GET /no/such/page?x=1', 'GET __unmatched__ success 404'],
      ['DELETE /users/42', 'DELETE __unmatched__ success 404'],
      ['PROPFIND /plain', '_OTHER __unmatched__ success 404'],
      ['GET /users/%', 'GET __unmatched__ success 400'],
    ];

    function truthRoutes(app: express5.Express): void {
      const ok: express5.RequestHandler = (_request, response) => void response.send('ok');
      app.get('/', ok);
      app.get('/plain', ok);
      app.get(
        '/users/:id',
        (request, response) => void response.status(request.params['id'] === 'missing' ? 404 : 200).send('ok'),
      );
      app.post('/users/:id', (_request, response) => void response.status(201).send('ok'));
      const api = express.Router();
      api.get('/', ok);
      api.get('/items/:item', ok);
      app.use('/api', api);
      const tenants = express.Router();
      const deep = express.Router();
      tenants.get('/orders/:order', (request, response) => {
        if (request.params['order'] === 'fail') throw new Error('no such order');
        response.send('ok');
      });
      deep.get('/:x/:y', ok);
      tenants.use('/deep', deep);
      app.use('/tenants/:tenant', tenants);
      const sub = express();
      sub.get('/inner/:n', ok);
      sub.get('/boom', () => {
        throw new Error('boom');
      });
      app.use('/sub', sub);
      app.get('/boom', () => {
        throw new Error('boom');
      });
      app.get('/invalid', (_request, _response, next) => next(Object.assign(new Error('invalid'), { status: 422 })));
      app.get('/next-error', (_request, _response, next) => next(Object.assign(new Error('busy'), { status: 503 })));
      app.all(/^\/guarded/, (_request, _response, next) => next());
      app.get('/handover/:first', (_request, _response, next) => next('route'));
      app.get('/handover/:second', ok);
      app.get(['/one', '/two'], ok);
      app.get(/^\/regexp-(\d+)$/, ok);
      app.use('/answered-by-middleware', ok);
      app.get('/after', (_request, response, next) => {
        response.send('ok');
        next();
      });
    }

    it('labels every request with its template and outcome, once', async () => {
      await serve((app) => {
        truthRoutes(app);
        app.use(((error: { status?: number }, _request, response, _next) => {
          response.status(error.status ?? 500).send('failed');
        }) as express5.ErrorRequestHandler);
      });
      for (const [asked, expected] of truth) {
        const [method = '', path = ''] = asked.split(' ');
        server.sink.events.length = 0;
        await server.request(method, path);
        assert.deepEqual(await server.recorded(1), [expected], asked);
      }
    });

    it('does the same with the error handler of Express', async () => {
      await serve(truthRoutes);
      for (const [asked, expected] of truth) {
        const [method = '', path = ''] = asked.split(' ');
        server.sink.events.length = 0;
        await server.request(method, path);
        assert.deepEqual(await server.recorded(1), [expected], asked);
      }
    });

    it('gives the first request of an app its template too', async () => {
      await serve(truthRoutes);
      await server.request('GET', '/tenants/acme/orders/9');
      assert.deepEqual(await server.recorded(1), ['GET /tenants/:tenant/orders/:order success 200']);
    });

    it('keeps concurrent requests apart', async () => {
      await serve((app) => {
        app.get('/slow/:id', (_request, response) => void setTimeout(() => response.send('ok'), 30));
        app.get('/quick', (_request, response) => void response.send('ok'));
      });
      await Promise.all([server.request('GET', '/slow/1'), server.request('GET', '/quick'), server.request('GET', '/slow/2')]);
      assert.deepEqual((await server.recorded(3)).sort(), [
        'GET /quick success 200',
        'GET /slow/:id success 200',
        'GET /slow/:id success 200',
      ]);
    });

    it('leaves params and route as the app knows them', async () => {
      await serve((app) => {
        app.get('/users/:id', (request, response) => {
          const { id } = request.params;
          response.json({ id, path: (request.route as { path: string }).path, keys: Object.keys(request.params) });
        });
      });
      for (let round = 0; round < 2; round++) {
        const { body } = await server.request('GET', '/users/7');
        assert.deepEqual(JSON.parse(body), { id: '7', path: '/users/:id', keys: ['id'] });
      }
    });

    it('records an abort before the headers without a status code', async () => {
      await serve((app) => app.get('/never', () => {}));
      await server.cut('/never', 'before headers');
      assert.deepEqual(await server.recorded(1), ['GET /never aborted -']);
      assert.equal(server.sink.events[0]?.metadata['error_type'], 'client_disconnect');
      assert.equal(await server.active(), 0);
    });

    it('records an abort in the body as aborted, even when all was written', async () => {
      await serve((app) => {
        app.get('/endless', (_request, response) => void response.write('first'));
        app.get('/big', (_request, response) => void response.end(Buffer.alloc(50_000_000)));
      });
      await server.cut('/endless', 'in the body');
      await server.recorded(1);
      await server.cut('/big', 'in the body');
      assert.deepEqual(await server.recorded(2), ['GET /endless aborted 200', 'GET /big aborted 200']);
    });

    it('records every pipelined request when the connection is cut while the first is answered', async () => {
      await serve((app) => {
        app.get('/work/:id', (request, response) => {
          if (request.params['id'] !== '0') response.send('ok');
        });
      });
      const socket = connect(server.port, '127.0.0.1');
      socket.write(Array.from({ length: 12 }, (_, id) => `GET /work/${id} HTTP/1.1\r\nHost: test\r\n\r\n`).join(''));
      await waitFor(async () => (await server.active()) === 12);
      socket.resetAndDestroy();
      assert.deepEqual(
        new Set(await server.recorded(12)),
        new Set(['GET /work/:id aborted -']),
        'what was never sent has no status code',
      );
      assert.equal(server.sink.events.length, 12);
      assert.equal(await server.active(), 0);
    });

    it('records pipelined requests that are answered, once each', async () => {
      await serve((app) => app.get('/work/:id', (_request, response) => void setImmediate(() => response.send('ok'))));
      const socket = connect(server.port, '127.0.0.1').resume();
      socket.write('GET /work/1 HTTP/1.1\r\nHost: test\r\n\r\n'.repeat(5));
      await server.recorded(5);
      socket.end();
      await waitFor(() => socket.closed);
      assert.deepEqual(
        await server.recorded(5),
        Array.from({ length: 5 }, () => 'GET /work/:id success 200'),
      );
      assert.equal(await server.active(), 0);
    });

    it('tells a server that breaks an answer off from a client that goes away', async () => {
      await serve((app) => {
        app.get('/nothing', (_request, response) => void response.destroy());
        app.get('/source-failed', (_request, response) => {
          response.write('first');
          setImmediate(() => response.destroy(new Error('the source failed')));
        });
        app.get('/late', (_request, response, next) => {
          response.write('first');
          setImmediate(() => next(new Error('late')));
        });
        app.get('/closed', (_request, response) => {
          response.write('first');
          setImmediate(() => response.destroy());
        });
      });
      const expected = [
        ['/nothing', 'failure', undefined, 'the server closed the connection'],
        ['/source-failed', 'failure', 200, 'Error: the source failed'],
        ['/late', 'failure', 200, 'Error: late'],
        ['/closed', 'aborted', 200, undefined],
      ];
      for (const [path = ''] of expected) await assert.rejects(server.request('GET', String(path)));
      await server.recorded(4);
      assert.deepEqual(
        server.sink.events.map(({ status, metadata, error }) => [
          metadata['http_route'],
          status,
          metadata['http_response_status_code'],
          error,
        ]),
        expected,
      );
      assert.ok(server.sink.events.every(({ metadata }) => metadata['error_type'] === 'server_disconnect'));
    });

    it('records requests also where the routes of the app cannot be followed', async () => {
      await serve((app) => {
        Object.defineProperties(app.request, { params: { writable: true }, route: { writable: true } });
        app.get('/x', (_request, response) => void response.send('ok'));
      });
      assert.equal((await server.request('GET', '/x')).status, 200);
      assert.deepEqual(await server.recorded(1), ['GET __unmatched__ success 200']);
      assert.equal(await server.active(), 0);
    });

    it('measures until the response is out', async () => {
      await serve((app) => app.get('/slow', (_request, response) => void setTimeout(() => response.send('ok'), 50)));
      const before = server.tracker.now();
      await server.request('GET', '/slow');
      await server.recorded(1);
      const [event] = server.sink.events;
      assert.ok((event?.durationMs ?? 0) >= 45);
      assert.ok((event?.endMs ?? 0) >= before + 45);
    });

    it('counts once when it is mounted twice', async () => {
      await serve((app, tracker) => {
        app.use(tracker.express());
        app.get('/twice', tracker.express(), (_request, response) => void response.send('ok'));
      });
      await server.request('GET', '/twice');
      assert.deepEqual(await server.recorded(1), ['GET /twice success 200']);
      assert.match(await server.tracker.registry.metrics(), /^http_server_request_duration_seconds_count\{.*"\/twice".*\} 1$/m);
    });

    it('leaves out what is marked uncounted', async () => {
      await serve((app) => {
        app.get('/metrics', (request, response) => {
          markUncounted(request);
          response.send('ok');
        });
        app.get('/seen', (_request, response) => void response.send('ok'));
      });
      await server.request('GET', '/metrics');
      await server.request('GET', '/seen');
      assert.deepEqual(await server.recorded(1), ['GET /seen success 200']);
      assert.equal(await server.active(), 0);
    });

    it('counts nothing while disabled', async () => {
      await serve((app) => app.get('/x', (_request, response) => void response.send('ok')));
      server.tracker.disable();
      assert.equal((await server.request('GET', '/x')).status, 200);
      server.tracker.enable();
      await server.request('GET', '/x');
      assert.equal((await server.recorded(1)).length, 1);
    });

    it('continues the trace of a well-formed traceparent, and makes the request the parent of what it runs', async () => {
      await serve((app, tracker) =>
        app.get('/traced', async (_request, response) => {
          await tracker.measure({ type: 'tool', name: 'inner' }, async () => {});
          response.json({ header: tracker.traceparent() });
        }),
      );
      const traceId = '0af7651916cd43dd8448eb211c80319c';
      const { body } = await server.request('GET', '/traced', { traceparent: `00-${traceId}-b7ad6b7169203331-00` });
      await server.recorded(2);
      const [inner, request] = server.sink.events;
      assert.equal(request?.traceId, traceId);
      assert.equal(request?.parentSpanId, 'b7ad6b7169203331');
      assert.equal(inner?.traceId, traceId);
      assert.equal(inner?.parentSpanId, request?.spanId);
      assert.deepEqual(JSON.parse(body), { header: `00-${traceId}-${request?.spanId}-00` });
    });

    it('begins a new trace per request, even on a server that was started inside an execution', async () => {
      server = new TestServer(express, (app) => app.get('/x', (_request, response) => void response.send('ok')));
      await server.tracker.measure({ type: 'command', name: 'boot' }, () => server.listen());
      await server.request('GET', '/x');
      await server.recorded(2);
      const [boot, request] = server.sink.events;
      assert.equal(boot?.name, 'boot');
      assert.equal(request?.parentSpanId, undefined);
      assert.notEqual(request?.traceId, boot?.traceId);
    });

    it('keeps the error of a failure', async () => {
      await serve((app) => app.get('/boom', (_request, response) => void response.status(502).send('no')));
      await server.request('GET', '/boom');
      await server.recorded(1);
      assert.equal(server.sink.events[0]?.error, 'HTTP 502');
      assert.equal(server.sink.events[0]?.metadata['error_type'], '502');
    });
  });
}

describe('tracker.express() with rejections (Express 5)', () => {
  it('records a rejected handler as the failure of its route, with the error', async () => {
    const server = await TestServer.open(express5, (app) => {
      const router = express5.Router();
      router.get('/:id', async () => {
        throw new TypeError('no model');
      });
      app.use('/agents/:agent', router);
    });
    await server.request('GET', '/agents/a/1');
    assert.deepEqual(await server.recorded(1), ['GET /agents/:agent/:id failure 500']);
    assert.equal(server.sink.events[0]?.error, 'TypeError: no model');
    await server.close();
  });
});
