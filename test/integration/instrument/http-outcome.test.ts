// One record per request, with the outcome that the socket tells.
import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { ServerResponse } from 'node:http';
import express5, { type Express } from 'express';
import express4 from 'express4';
import { markUncounted } from '../../../src/instrument/http/express.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { type Framework, firstData, head, MeasuredApp, type MeasuredAppOptions } from '../../support/measured-app.ts';
import { waitFor } from '../../support/wait-for.ts';

const frameworks: [string, Framework][] = [
  ['Express 5', express5],
  ['Express 4', express4],
];

for (const [title, framework] of frameworks) {
  describe(`the outcome of requests on ${title}`, () => {
    let app: MeasuredApp;

    async function serve(routes: (app: Express, tracker: ObservabilityTracker) => void, options: MeasuredAppOptions = {}) {
      app = await MeasuredApp.open(routes, { framework, ...options });
    }

    afterEach(async () => {
      assert.equal(await app.sample('http_server_active_requests'), 0);
      assert.equal(await app.sample('keepwatch_internal_errors_total'), 0);
      await app.close();
    });

    it('records every request of a kept-alive connection: with and without a body, 304, HEAD, OPTIONS, 100-continue', async () => {
      await serve((routes) => {
        routes.get('/item', (_request, response) => void response.set('ETag', '"1"').send('body'));
        routes.delete('/item', (_request, response) => void response.status(204).end());
        routes.post('/item', (request, response) => void request.resume().on('end', () => response.status(201).send('made')));
      });
      const asked = [
        head('GET', '/item'),
        head('GET', '/item', { 'If-None-Match': '"1"' }),
        head('HEAD', '/item'),
        head('OPTIONS', '/item'),
        head('DELETE', '/item'),
        `${head('POST', '/item', { Expect: '100-continue', 'Content-Length': '4' })}body`,
        head('GET', '/item', { Connection: 'close' }),
      ];
      app.connect(asked.join('')).resume();
      assert.deepEqual(await app.records(7), [
        'GET /item 200 success',
        'GET /item 304 success',
        'HEAD /item 200 success',
        'OPTIONS __unmatched__ 200 success',
        'DELETE /item 204 success',
        'POST /item 201 success',
        'GET /item 200 success',
      ]);
    });

    it('records a request once whatever the handler does after its answer', async () => {
      await serve((routes) =>
        routes.get('/twice', (_request, response, next) => {
          response.end('ok');
          response.end('again');
          response.destroy();
          setImmediate(() => next(new Error('late')));
        }),
      );
      await app.get('/twice').catch(() => {});
      assert.equal((await app.records(1)).length, 1);
    });

    it('takes an answer that its client never reads for complete, once all of it was handed to the kernel', async () => {
      await serve((routes) => routes.get('/unread', (_request, response) => void response.send('ok')));
      const socket = app.connect(head('GET', '/unread'));
      assert.deepEqual(await app.records(1), ['GET /unread 200 success']);
      socket.resetAndDestroy();
    });

    it('says that the server broke off what closeAllConnections ends', async () => {
      await serve((routes) => routes.get('/never', () => {}));
      app.connect(head('GET', '/never'));
      await waitFor(async () => (await app.sample('http_server_active_requests')) === 1);
      app.server.closeAllConnections();
      assert.deepEqual(await app.records(1), ['GET /never - failure server_disconnect']);
    });

    it('blames the client for an upload that does not come in time, and records nothing of a head that does not', async () => {
      const server = { requestTimeout: 60, headersTimeout: 50, connectionsCheckingInterval: 10 };
      await serve((routes) => routes.post('/upload', (request) => void request.resume()), { server });
      const headless = app.connect('GET /upload HTTP/1.1\r\nHo').resume();
      const malformed = app.connect('NONSENSE\r\n\r\n').resume();
      app.connect(head('POST', '/upload', { 'Content-Length': '100' })).resume();
      await waitFor(() => headless.closed && malformed.closed);
      assert.deepEqual(await app.records(1), ['POST /upload - aborted client_disconnect']);
    });

    it('keeps a request in progress that is never answered, until its client leaves', async () => {
      await serve((routes) => {
        // On Express 4 nobody hears of a rejection: that is how a request is never answered.
        routes.get('/lost', () => void Promise.reject(new Error('nobody listens')).catch(() => {}));
      });
      const socket = app.connect(head('GET', '/lost'));
      await waitFor(async () => (await app.sample('http_server_active_requests')) === 1);
      app.tracker.flush();
      assert.equal(app.sink.events.length, 0);
      socket.end();
      assert.deepEqual(await app.records(1), ['GET /lost - aborted client_disconnect']);
    });

    it('records pipelined requests of which the second breaks the connection', async () => {
      await serve((routes) => {
        routes.get('/ok', (_request, response) => void response.send('ok'));
        routes.get('/broken', (_request, response) => {
          response.write('first');
          setImmediate(() => response.destroy(new Error('the source failed')));
        });
      });
      app.connect(head('GET', '/ok') + head('GET', '/broken') + head('GET', '/ok')).resume();
      assert.deepEqual((await app.records(3)).sort(), [
        'GET /broken 200 failure server_disconnect',
        'GET /ok - failure server_disconnect',
        'GET /ok 200 success',
      ]);
    });

    it('records what is answered through a response of another making', async () => {
      await serve((routes) => routes.get('/page', (_request, response) => void response.send('page')));
      app.server.on('upgrade', (request, socket) => {
        const response = new ServerResponse(request);
        response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
        response.shouldKeepAlive = false;
        response.on('finish', () => socket.end());
        app.server.emit('request', request, response);
      });
      await (await app.get('/page')).text();
      app.connect(head('GET', '/page', { Connection: 'Upgrade', Upgrade: 'x' })).resume();
      assert.deepEqual(await app.records(2), ['GET /page 200 success', 'GET /page 200 success']);
    });

    it('records requests whose measuring begins after waiting', async () => {
      const tracker = new ObservabilityTracker({ service: 'late' });
      await serve((routes) => {
        routes.get('/work', (_request, response) => void response.send('ok'));
      });
      const late = framework();
      late.use((_request, _response, next) => void setTimeout(next, 5));
      late.use(tracker.express());
      late.get('/late', (_request, response) => void response.send('ok'));
      app.server.removeAllListeners('request').on('request', late);
      await Promise.all([app.get('/late'), app.get('/late')]);
      await (await app.get('/late')).text();
      await waitFor(() => tracker.counts().recorded === 3);
    });

    it('gives its subscription to the server up when its requests stop coming, and takes it again', async () => {
      const subscribers = () =>
        (channel('http.server.response.finish') as { _subscribers?: unknown[] })._subscribers?.length ?? 0;
      await serve((routes) => {
        routes.get('/ours', (_request, response) => void response.send('ok'));
      });
      /** More requests that are not measured than a tracker waits for. */
      const sendForeign = async () => {
        app.tracker.disable();
        const socket = app.connect('').resume();
        let answers = '';
        socket.on('data', (data) => {
          answers += data.toString('latin1');
        });
        socket.write(head('GET', '/ours').repeat(1100));
        await waitFor(() => answers.split('HTTP/1.1 200').length - 1 === 1100, { timeoutMs: 20_000 });
        app.tracker.enable();
      };
      await sendForeign(); // trackers of other tests give up, too
      const others = subscribers();
      await (await app.get('/ours')).text();
      await app.records(1);
      assert.equal(subscribers(), others + 1);
      await sendForeign();
      assert.equal(subscribers(), others);
      await (await app.get('/ours')).text();
      await (await app.get('/ours')).text();
      assert.equal((await app.records(3)).length, 3);
    });

    it('counts health checks and scrapes only when asked', async () => {
      const routes = (routes: Express) =>
        routes.get('/healthz', (request, response) => {
          markUncounted(request);
          response.send('ok');
        });
      await serve(routes);
      await (await app.get('/healthz')).text();
      assert.equal(app.tracker.counts().recorded, 0);
      await app.close();
      await serve(routes, { countOwnRoutes: true });
      await (await app.get('/healthz')).text();
      assert.deepEqual(await app.records(1), ['GET /healthz 200 success']);
    });

    it('counts a request once where two trackers measure it', async () => {
      const second = new ObservabilityTracker({ service: 'second' });
      await serve((routes) => {
        routes.use(second.express());
        routes.get('/shared', (_request, response) => void response.send('ok'));
      });
      for (let round = 0; round < 3; round++) await (await app.get('/shared')).text();
      assert.equal((await app.records(3)).length, 3);
      assert.equal(second.counts().recorded, 0);
    });

    it('cuts a big body that its client does not want', async () => {
      await serve((routes) => routes.get('/big', (_request, response) => void response.end(Buffer.alloc(50_000_000))));
      const socket = app.connect(head('GET', '/big'));
      await firstData(socket);
      socket.resetAndDestroy();
      assert.deepEqual(await app.records(1), ['GET /big 200 aborted client_disconnect']);
    });
  });
}
