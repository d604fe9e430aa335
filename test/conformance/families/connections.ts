// One socket, many requests; and requests that come in pieces.
import { createServer } from 'node:http';
import type { Express } from 'express';
import { request } from '../client.ts';
import type { ConformanceCase, Family } from '../conformance-case.ts';
import { ok } from '../handlers.ts';
import type { Stage } from '../stage.ts';

/** The id of work that is never done. */
const NEVER = '999';

function workRoutes(app: Express, stage: Stage): void {
  app.get('/work/:id', (asked, response) => {
    if (asked.params['id'] === NEVER) stage.signal('never');
    else setImmediate(() => response.send('ok'));
  });
  app.get('/quick', ok);
}

/** Takes the whole body, then answers. */
function uploadRoutes(app: Express): void {
  app.post('/uploads/:id', (asked, response) => void asked.resume().on('end', () => response.status(201).send('ok')));
}

const times = (count: number, text: string) => Array.from({ length: count }, () => text);

const keepAlive: ConformanceCase[] = [
  {
    name: 'keep-alive, one after the other',
    routes: workRoutes,
    async drive(client) {
      const connection = await client.open();
      for (const [index, path] of ['/work/1', '/quick', '/work/2', '/nowhere'].entries()) {
        connection.send(request('GET', path));
        await connection.receive('HTTP/1.1', index + 1);
      }
    },
    expect: ['GET /work/:id 200', 'GET /quick 200', 'GET /work/:id 200', 'GET __unmatched__ 404'],
  },
  {
    name: 'keep-alive, a HEAD between',
    routes: workRoutes,
    async drive(client) {
      const connection = await client.open();
      for (const [index, method] of ['GET', 'HEAD', 'GET'].entries()) {
        connection.send(request(method, '/quick'));
        await connection.receive('HTTP/1.1', index + 1);
      }
    },
    expect: ['GET /quick 200', 'HEAD /quick 200', 'GET /quick 200'],
  },
  {
    name: 'pipelined, answered in order',
    routes: workRoutes,
    async drive(client) {
      const connection = await client.open();
      connection.send(request('GET', '/work/1').repeat(5));
      await connection.receive('HTTP/1.1', 5);
    },
    expect: times(5, 'GET /work/:id 200'),
  },
  {
    name: 'pipelined, the later ones ready first',
    routes: (app, stage) => {
      app.get('/work/:id', (asked, response) => {
        const finish = () => void response.send('ok');
        if (asked.params['id'] === '1') void stage.happened('others').then(finish);
        else finish();
        if (asked.params['id'] === '4') stage.signal('others');
      });
    },
    async drive(client) {
      const connection = await client.open();
      connection.send(['1', '2', '3', '4'].map((id) => request('GET', `/work/${id}`)).join(''));
      await connection.receive('HTTP/1.1', 4);
    },
    expect: times(4, 'GET /work/:id 200'),
  },
  {
    name: 'pipelined, cut while the first is under way',
    routes: workRoutes,
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(request('GET', `/work/${NEVER}`) + request('GET', '/quick').repeat(7));
      await stage.happened('never');
      await new Promise((resolve) => setImmediate(resolve));
      await connection.reset();
    },
    expect: ['GET /work/:id - aborted client_disconnect', ...times(7, 'GET /quick - aborted client_disconnect')],
  },
  {
    name: 'pipelined, the first answered, then cut',
    routes: workRoutes,
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(request('GET', '/quick') + request('GET', `/work/${NEVER}`) + request('GET', '/quick'));
      await stage.happened('never');
      await connection.receive('HTTP/1.1');
      await connection.reset();
    },
    expect: ['GET /quick 200', 'GET /work/:id - aborted client_disconnect', 'GET /quick - aborted client_disconnect'],
  },
  {
    name: 'pipelined behind Connection: close',
    routes: workRoutes,
    async drive(client) {
      const connection = await client.open();
      connection.send(request('GET', '/quick', { headers: { Connection: 'close' } }));
      await connection.closed;
    },
    expect: ['GET /quick 200'],
  },
  {
    name: 'HTTP/1.0',
    routes: workRoutes,
    async drive(client) {
      const connection = await client.open();
      connection.send('GET /work/1 HTTP/1.0\r\n\r\n');
      await connection.closed;
    },
    expect: ['GET /work/:id 200'],
  },
  {
    name: 'twenty connections at once',
    routes: workRoutes,
    drive: (client) =>
      Promise.all(Array.from({ length: 20 }, (_, index) => client.ask('GET', index % 2 === 0 ? '/quick' : `/work/${index}`))),
    expect: [...times(10, 'GET /quick 200'), ...times(10, 'GET /work/:id 200')],
  },
  {
    name: 'a connection that is opened and says nothing',
    routes: workRoutes,
    async drive(client) {
      (await client.open()).end();
    },
    expect: [],
  },
  {
    name: 'a request in single bytes',
    routes: workRoutes,
    async drive(client) {
      const connection = await client.open();
      connection.socket.setNoDelay(true);
      for (const byte of request('GET', '/quick')) {
        connection.send(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await connection.receive('ok');
    },
    expect: ['GET /quick 200'],
  },
];

const uploads: ConformanceCase[] = [
  {
    name: 'an upload with a length',
    routes: uploadRoutes,
    drive: async (client, stage) => stage.saw(await client.ask('POST', '/uploads/7', { body: 'x'.repeat(100_000) })),
    expect: ['POST /uploads/:id 201'],
  },
  {
    name: 'an upload in chunks',
    routes: uploadRoutes,
    async drive(client) {
      const connection = await client.open();
      connection.send(request('POST', '/uploads/7', { headers: { 'Transfer-Encoding': 'chunked' } }));
      for (let chunk = 0; chunk < 5; chunk++) connection.send('5\r\nhello\r\n');
      connection.send('0\r\n\r\n');
      await connection.receive('ok');
    },
    expect: ['POST /uploads/:id 201'],
  },
  {
    name: 'an upload answered before it is over',
    routes: (app) => void app.post('/uploads/:id', (_asked, response) => void response.status(413).send('too much')),
    async drive(client) {
      const connection = await client.open();
      connection.send(request('POST', '/uploads/7', { headers: { 'Transfer-Encoding': 'chunked' } }));
      await connection.receive('too much');
      connection.send('0\r\n\r\n');
    },
    expect: ['POST /uploads/:id 413'],
  },
  {
    name: 'a body read by express.json()',
    routes: (app, { express }) => {
      app.use(express.json());
      app.post('/orders/:id', (asked, response) => void response.json(asked.body));
    },
    drive: async (client, stage) =>
      stage.saw(await client.ask('POST', '/orders/7', { headers: { 'Content-Type': 'application/json' }, body: '{"a":1}' })),
    expect: ['POST /orders/:id 200'],
  },
  {
    name: 'a body over the limit of express.json(): 413',
    routes: (app, { express }) => {
      app.post('/orders/:id', express.json({ limit: 10 }), ok);
    },
    drive: async (client, stage) =>
      stage.saw(
        await client.ask('POST', '/orders/7', {
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ a: 'x'.repeat(100) }),
        }),
      ),
    expect: ['POST /orders/:id 413'],
  },
];

const halfClosed: ConformanceCase[] = [
  {
    name: 'a client that sends and closes its side, answered at once',
    routes: workRoutes,
    async drive(client) {
      const connection = await client.open({ allowHalfOpen: true });
      connection.send(request('GET', '/quick'));
      await connection.receive('ok');
      connection.end();
    },
    expect: ['GET /quick 200'],
  },
  {
    name: 'a client that closes its side before it is answered',
    routes: workRoutes,
    async drive(client, stage) {
      const connection = await client.open({ allowHalfOpen: true });
      connection.send(request('GET', `/work/${NEVER}`));
      await stage.happened('never');
      connection.end();
      await connection.closed;
    },
    expect: ['GET /work/:id - aborted client_disconnect'],
  },
  {
    name: 'half-open allowed: answered after the client closed its side',
    routes: (app, stage) => {
      app.get('/work/:id', (asked, response) => {
        stage.signal('asked');
        asked.socket.once('end', () => void setImmediate(() => response.send('ok')));
      });
    },
    serve(app) {
      const server = createServer(app);
      Object.assign(server, { httpAllowHalfOpen: true });
      return server;
    },
    async drive(client, stage) {
      const connection = await client.open({ allowHalfOpen: true });
      connection.send(request('GET', '/work/1'));
      await stage.happened('asked');
      connection.end();
      await connection.receive('ok');
    },
    expect: ['GET /work/:id 200'],
  },
];

/** Node answers these itself: there is no request, so there is no record. */
const refused: ConformanceCase[] = [
  ['a request line that is none', 'nonsense\r\n\r\n'],
  ['headers over 16 kB: 431', `GET /quick HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(20_000)}\r\n\r\n`],
  ['no Host header: 400', 'GET /quick HTTP/1.1\r\n\r\n'],
  ['two different lengths', 'POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
].map(([name = '', text = '']) => ({
  name: `never a request: ${name}`,
  routes: workRoutes,
  async drive(client) {
    const connection = await client.open();
    connection.send(text);
    await connection.closed;
  },
  expect: [],
}));

export const connections: Family = { name: 'connections', cases: [...keepAlive, ...uploads, ...halfClosed, ...refused] };
