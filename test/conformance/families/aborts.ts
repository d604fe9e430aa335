// Clients that go away: before the headers, in the body, while they upload; always one record, as far as it came.
import { createReadStream } from 'node:fs';
import type { Express, RequestHandler } from 'express';
import { request } from '../client.ts';
import type { ConformanceCase, Family } from '../conformance-case.ts';
import { answersErrors, failure } from '../handlers.ts';
import { BIG } from '../sample-files.ts';
import type { Stage } from '../stage.ts';

const BEFORE_HEADERS = 'GET /work/:id - aborted client_disconnect';
const IN_BODY = 'GET /work/:id 200 aborted client_disconnect';

/** `/work/:id` with a handler that may use the stage. */
function work(handler: (stage: Stage) => RequestHandler) {
  return (app: Express, stage: Stage) => void app.get('/work/:id', handler(stage));
}

const never = work((stage) => () => stage.signal('asked'));
const writesFirst = work(() => (_request, response) => void response.write('first'));

/** Sends the request, waits until the handler has it, and resets. */
const resetBeforeHeaders: ConformanceCase['drive'] = async (client, stage) => {
  const connection = await client.open();
  connection.send(request('GET', '/work/7'));
  await stage.happened('asked');
  await connection.reset();
};

/** Sends the request, waits for the first bytes of the body, and resets. */
const resetInBody: ConformanceCase['drive'] = async (client) => {
  const connection = await client.open();
  connection.send(request('GET', '/work/7'));
  await connection.receive('\r\n\r\n');
  await connection.reset();
};

const beforeHeaders: ConformanceCase[] = [
  { name: 'by a reset before the headers', routes: never, drive: resetBeforeHeaders, expect: [BEFORE_HEADERS] },
  {
    name: 'by a goodbye before the headers',
    routes: never,
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(request('GET', '/work/7'));
      await stage.happened('asked');
      connection.socket.destroy();
    },
    expect: [BEFORE_HEADERS],
  },
  {
    name: 'below a parametrised mount',
    routes: (app, stage) => {
      const router = stage.express.Router();
      router.get('/orders/:id', () => stage.signal('asked'));
      app.use('/tenants/:tenant', router);
    },
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(request('GET', '/tenants/12/orders/9'));
      await stage.happened('asked');
      await connection.reset();
    },
    expect: ['GET /tenants/:tenant/orders/:id - aborted client_disconnect'],
  },
  {
    name: 'in middleware before any route',
    routes: (app, stage) => {
      app.use(() => stage.signal('asked'));
    },
    drive: resetBeforeHeaders,
    expect: ['GET __unmatched__ - aborted client_disconnect'],
  },
  {
    name: 'before the headers, with a status set',
    routes: work((stage) => (_request, response) => {
      response.status(503);
      stage.signal('asked');
    }),
    drive: resetBeforeHeaders,
    expect: [BEFORE_HEADERS],
  },
  {
    name: 'before the headers, answered afterwards',
    routes: work((stage) => (_request, response) => {
      stage.signal('asked');
      response.on('close', () => void setImmediate(() => response.send('too late') && stage.signal('answered')));
    }),
    async drive(client, stage) {
      await resetBeforeHeaders(client, stage);
      await stage.happened('answered');
    },
    expect: [BEFORE_HEADERS],
  },
  {
    name: 'before the headers, failed afterwards',
    routes: (app, stage) => {
      app.get('/work/:id', (_request, response, next) => {
        stage.signal('asked');
        response.on('close', () => void setImmediate(() => next(failure())));
      });
      app.use(((_error, _request, response, _next) => {
        response.status(500).send('too late');
        stage.signal('answered');
      }) as ReturnType<typeof answersErrors>);
    },
    async drive(client, stage) {
      await resetBeforeHeaders(client, stage);
      await stage.happened('answered');
    },
    expect: [BEFORE_HEADERS],
  },
  {
    name: 'HEAD before the headers',
    routes: never,
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(request('HEAD', '/work/7'));
      await stage.happened('asked');
      await connection.reset();
    },
    expect: ['HEAD /work/:id - aborted client_disconnect'],
  },
  {
    name: 'ten at once',
    routes: work((stage) => (asked) => stage.signal(`asked ${asked.path}`)),
    drive: async (client, stage) => {
      await Promise.all(
        Array.from({ length: 10 }, async (_, id) => {
          const connection = await client.open();
          connection.send(request('GET', `/work/${id}`));
          await stage.happened(`asked /work/${id}`);
          await connection.reset();
        }),
      );
    },
    expect: Array.from({ length: 10 }, () => BEFORE_HEADERS),
  },
  {
    name: 'the second request of a connection',
    routes: work((stage) => (asked, response) => {
      if (asked.params['id'] === '1') response.send('ok');
      else stage.signal('asked');
    }),
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(request('GET', '/work/1'));
      await connection.receive('ok');
      connection.send(request('GET', '/work/2'));
      await stage.happened('asked');
      await connection.reset();
    },
    expect: ['GET /work/:id 200', BEFORE_HEADERS],
  },
  {
    name: 'a rejection that Express 4 does not see: the client gives up',
    only: ['4'],
    routes: work((stage) => async () => {
      process.once('unhandledRejection', () => stage.signal('asked'));
      await Promise.reject(failure());
    }),
    drive: resetBeforeHeaders,
    expect: [BEFORE_HEADERS],
  },
];

const inBody: ConformanceCase[] = [
  { name: 'in the body', routes: writesFirst, drive: resetInBody, expect: [IN_BODY] },
  {
    name: 'in the body, by a goodbye',
    routes: writesFirst,
    async drive(client) {
      const connection = await client.open();
      connection.send(request('GET', '/work/7'));
      await connection.receive('first');
      connection.end();
      await connection.closed;
    },
    expect: [IN_BODY],
  },
  {
    name: 'in the body, all of it written',
    routes: work(() => (_request, response) => void response.end(Buffer.alloc(50_000_000))),
    async drive(client) {
      const connection = await client.open();
      connection.socket.once('data', () => connection.socket.pause());
      connection.send(request('GET', '/work/7'));
      await connection.receive('\r\n\r\n');
      await connection.reset();
    },
    expect: [IN_BODY],
  },
  {
    name: 'in the body, a status of 404',
    routes: work(() => (_request, response) => void response.status(404).write('first')),
    drive: resetInBody,
    expect: ['GET /work/:id 404 aborted client_disconnect'],
  },
  {
    name: 'in the body, written on afterwards',
    routes: work((stage) => (_request, response) => {
      response.write('first');
      response.on('error', () => {});
      response.on('close', () => {
        response.write('more');
        response.end('last');
        stage.signal('ended');
      });
    }),
    async drive(client, stage) {
      await resetInBody(client, stage);
      await stage.happened('ended');
    },
    expect: [IN_BODY],
  },
  {
    name: 'in a piped stream',
    routes: work(() => (_request, response) => void createReadStream(BIG).pipe(response)),
    drive: resetInBody,
    expect: [IN_BODY],
  },
  {
    name: 'in sendFile()',
    routes: work(() => (_request, response) => response.sendFile(BIG)),
    drive: resetInBody,
    expect: [IN_BODY],
  },
  {
    name: 'in sendFile() with a callback that passes the error on',
    routes: (app, stage) => {
      app.get('/work/:id', (_request, response, next) =>
        response.sendFile(BIG, (error) => {
          next(error);
          stage.signal('told');
        }),
      );
      app.use(answersErrors());
    },
    async drive(client, stage) {
      await resetInBody(client, stage);
      await stage.happened('told');
    },
    expect: [IN_BODY],
  },
  {
    name: 'after the whole answer: none',
    routes: work(() => (_request, response) => void response.send('ok')),
    async drive(client) {
      const connection = await client.open();
      connection.send(request('GET', '/work/7'));
      await connection.receive('ok');
      await connection.reset();
    },
    expect: ['GET /work/:id 200'],
  },
];

const uploading: ConformanceCase[] = [
  {
    name: 'while uploading to a route',
    routes: (app, stage) => void app.post('/uploads/:id', (asked) => void asked.once('data', () => stage.signal('asked'))),
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(`${request('POST', '/uploads/7', { headers: { 'Content-Length': '1000' } })}half`);
      await stage.happened('asked');
      await connection.reset();
    },
    expect: ['POST /uploads/:id - aborted client_disconnect'],
  },
  {
    name: 'while express.json() reads',
    routes: (app, stage) => {
      app.use((asked, _response, next) => {
        asked.once('data', () => setImmediate(() => stage.signal('asked')));
        next();
      });
      app.use(stage.express.json());
      app.use(answersErrors());
    },
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(
        `${request('POST', '/uploads/7', { headers: { 'Content-Type': 'application/json', 'Content-Length': '1000' } })}{"a":`,
      );
      await stage.happened('asked');
      await connection.reset();
    },
    expect: ['POST __unmatched__ - aborted client_disconnect'],
  },
  {
    name: 'while uploading, answered already',
    routes: (app) => void app.post('/uploads/:id', (_request, response) => void response.status(413).send('too much')),
    async drive(client) {
      const connection = await client.open();
      connection.send(`${request('POST', '/uploads/7', { headers: { 'Content-Length': '1000' } })}half`);
      await connection.receive('too much');
      await connection.reset();
    },
    expect: ['POST /uploads/:id 413'],
  },
];

export const aborts: Family = { name: 'aborts', cases: [...beforeHeaders, ...inBody, ...uploading] };
