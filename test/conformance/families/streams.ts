// Answers that are open for long by nature: their time to headers is a latency, their lifetime is not.

import { createServer, type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RequestHandler } from 'express';
import { request } from '../client.ts';
import type { ConformanceCase, Family } from '../conformance-case.ts';
import { failure } from '../handlers.ts';

/** How long a stream is open at least: its lifetime is what is measured here. */
const OPEN_MS = 40;

async function stayOpen(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, OPEN_MS));
}

const SSE = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' };

/** Two events, some time between them, and the end that is given. */
function events(end: (response: Parameters<RequestHandler>[1]) => void, headers: Record<string, string> = SSE): RequestHandler {
  return async (_request, response) => {
    response.writeHead(200, headers);
    response.write('data: 1\n\n');
    await stayOpen();
    response.write('data: 2\n\n');
    end(response);
  };
}

const ends = events((response) => void response.end());

const served: ConformanceCase[] = [
  {
    name: 'server-sent events, ended by the server',
    routes: (app) => void app.get('/events/:topic', ends),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/events/7')),
    expect: ['GET /events/:topic 200 success stream'],
  },
  {
    name: 'server-sent events with a charset',
    routes: (app) =>
      void app.get(
        '/events/:topic',
        events((response) => void response.end(), { 'Content-Type': 'text/event-stream; charset=utf-8' }),
      ),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/events/7')),
    expect: ['GET /events/:topic 200 success stream'],
  },
  {
    name: 'server-sent events, headers set and flushed',
    routes: (app) =>
      void app.get('/events/:topic', async (_request, response) => {
        response.set(SSE).flushHeaders();
        await stayOpen();
        response.write('data: 1\n\n');
        response.end();
      }),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/events/7')),
    expect: ['GET /events/:topic 200 success stream'],
  },
  {
    name: 'server-sent events, headers sent by the first write',
    routes: (app) =>
      void app.get('/events/:topic', async (_request, response) => {
        response.set(SSE);
        response.write('data: 1\n\n');
        await stayOpen();
        response.end();
      }),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/events/7')),
    expect: ['GET /events/:topic 200 success stream'],
  },
  {
    name: 'server-sent events below a parametrised mount',
    routes: (app, { express }) => {
      const router = express.Router();
      router.get('/events', ends);
      app.use('/tenants/:tenant', router);
    },
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/tenants/12/events')),
    expect: ['GET /tenants/:tenant/events 200 success stream'],
  },
  {
    name: 'server-sent events to three clients at once',
    routes: (app) => void app.get('/events/:topic', ends),
    drive: (client) => Promise.all([1, 2, 3].map((topic) => client.ask('GET', `/events/${topic}`))),
    expect: Array.from({ length: 3 }, () => 'GET /events/:topic 200 success stream'),
  },
  {
    name: 'server-sent events, left by the client',
    routes: (app) =>
      void app.get(
        '/events/:topic',
        events(() => {}),
      ),
    async drive(client) {
      const connection = await client.open();
      connection.send(request('GET', '/events/7'));
      await connection.receive('data: 2');
      await connection.reset();
    },
    expect: ['GET /events/:topic 200 aborted client_disconnect stream'],
  },
  {
    name: 'server-sent events, broken off by an error',
    routes: (app) =>
      void app.get(
        '/events/:topic',
        events((response) => void response.on('error', () => {}).destroy(failure())),
      ),
    drive: (client) => client.ask('GET', '/events/7'),
    expect: ['GET /events/:topic 200 failure server_disconnect stream'],
  },
  {
    name: 'server-sent events, left before the headers',
    routes: (app, stage) => void app.get('/events/:topic', () => stage.signal('asked')),
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(request('GET', '/events/7', { headers: { Accept: 'text/event-stream' } }));
      await stage.happened('asked');
      await connection.reset();
    },
    expect: ['GET /events/:topic - aborted client_disconnect'],
  },
  {
    name: 'a client that accepts events and gets none: 204',
    routes: (app) => void app.get('/events/:topic', (_request, response) => void response.sendStatus(204)),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/events/7', { headers: { Accept: 'text/event-stream' } })),
    expect: ['GET /events/:topic 204'],
  },
  {
    name: 'an error that answers a request for events',
    routes: (app) => void app.get('/events/:topic', (_request, response) => void response.sendStatus(503)),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/events/7', { headers: { Accept: 'text/event-stream' } })),
    expect: ['GET /events/:topic 503'],
  },
];

const polls: ConformanceCase[] = [
  {
    name: 'a long poll is a latency',
    routes: (app) =>
      void app.get('/poll/:id', async (_request, response) => {
        await stayOpen();
        response.json([]);
      }),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/poll/7')),
    expect: ['GET /poll/:id 200'],
  },
  {
    name: 'a long poll that the client gives up',
    routes: (app, stage) => void app.get('/poll/:id', () => stage.signal('asked')),
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(request('GET', '/poll/7'));
      await stage.happened('asked');
      await connection.reset();
    },
    expect: ['GET /poll/:id - aborted client_disconnect'],
  },
];

const UPGRADE = { Connection: 'Upgrade', Upgrade: 'echo' };
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

const upgrades: ConformanceCase[] = [
  {
    name: "an upgrade by the server's own listener leaves the requests beside it alone",
    routes: (app) => void app.get('/plain/:id', (_request, response) => void response.send('ok')),
    serve: (app) => createServer(app).on('upgrade', echo),
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(request('GET', '/echo', { headers: UPGRADE }));
      await connection.receive('101');
      stage.saw(await client.ask('GET', '/plain/7'));
      connection.send('hello');
      await connection.receive('hello');
      await connection.closed;
    },
    expect: ['GET /plain/:id 200'],
  },
  {
    name: 'a request to upgrade that nobody takes up',
    routes: (app) => void app.get('/plain/:id', (_request, response) => void response.send('ok')),
    async drive(client) {
      const connection = await client.open();
      connection.send(request('GET', '/plain/7', { headers: UPGRADE }));
      await connection.receive('ok');
    },
    expect: ['GET /plain/:id 200'],
  },
  {
    name: 'an upgrade that Express refuses with 426',
    routes: (app) => void app.get('/plain/:id', (_request, response) => void response.status(426).send('no')),
    serve(app) {
      const server = createServer(app);
      return server.on('upgrade', (asked, socket) => {
        const response = new ServerResponse(asked);
        response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
        response.shouldKeepAlive = false;
        response.on('finish', () => socket.end());
        app(asked as Parameters<typeof app>[0], response as Parameters<typeof app>[1]);
      });
    },
    async drive(client) {
      const connection = await client.open();
      connection.send(request('GET', '/plain/7', { headers: UPGRADE }));
      await connection.closed;
    },
    expect: ['GET /plain/:id 426'],
  },
];

/** What the app has to say to Keepwatch, peers cannot be told. */
const told: ConformanceCase[] = [
  {
    name: 'an answer that the app marks as a stream',
    isOwn: true,
    routes: (app, stage) =>
      void app.get('/export/:id', async (asked, response) => {
        stage.tracker.markStream(asked);
        response.type('application/x-ndjson').write('{}\n');
        await stayOpen();
        response.end();
      }),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/export/7')),
    expect: ['GET /export/:id 200 success stream'],
  },
  {
    name: 'an upgrade, measured with its route',
    isOwn: true,
    routes: () => {},
    serve: (app, stage) => createServer(app).on('upgrade', stage.tracker.upgrade(echo, { route: '/live/:room' })),
    async drive(client) {
      const connection = await client.open();
      connection.send(request('GET', '/live/7?token=secret', { headers: UPGRADE }));
      await connection.receive('101');
      await stayOpen();
      connection.send('hello');
      await connection.receive('hello');
      await connection.closed;
    },
    expect: ['GET /live/:room 101 success stream'],
  },
  {
    name: 'an upgrade that its client resets',
    isOwn: true,
    routes: () => {},
    serve: (app, stage) => createServer(app).on('upgrade', stage.tracker.upgrade(echo, { route: '/live/:room' })),
    async drive(client) {
      const connection = await client.open();
      connection.send(request('GET', '/live/7', { headers: UPGRADE }));
      await connection.receive('101');
      await stayOpen();
      await connection.reset();
    },
    expect: ['GET /live/:room 101 aborted client_disconnect stream'],
  },
  {
    name: 'an upgrade that is refused',
    isOwn: true,
    routes: () => {},
    serve: (app, stage) =>
      createServer(app).on(
        'upgrade',
        stage.tracker.upgrade((_asked, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n')),
      ),
    drive: (client) => client.ask('GET', '/live/7', { headers: UPGRADE }),
    expect: ['GET __unmatched__ 401'],
  },
];

/** Switches protocols, says back what it hears once, and hangs up. */
function echo(_asked: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => {});
  socket.write(SWITCH);
  socket.on('data', (data: Buffer) => socket.end(data));
}

export const streams: Family = { name: 'streams', cases: [...served, ...polls, ...upgrades, ...told] };
