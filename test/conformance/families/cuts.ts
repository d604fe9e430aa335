// Connections that the server cuts, by will, by error or by a timeout; and timeouts that are answered.
import { createServer } from 'node:http';
import type { Express, RequestHandler } from 'express';
import { request } from '../client.ts';
import type { ConformanceCase, Family } from '../conformance-case.ts';
import { failure } from '../handlers.ts';
import type { Stage } from '../stage.ts';

/** `/work/:id` with a handler that may use the stage. */
function work(handler: (stage: Stage) => RequestHandler) {
  return (app: Express, stage: Stage) => void app.get('/work/:id', handler(stage));
}

/** One request; the connection is closed by the server. */
const asksOnce: ConformanceCase['drive'] = (client) => client.ask('GET', '/work/7');

function byServer(name: string, handler: (stage: Stage) => RequestHandler, expected: string, drive = asksOnce): ConformanceCase {
  return {
    name: `${name}`,
    routes: work(handler),
    drive,
    expect: [`GET /work/:id ${expected} server_disconnect`],
  };
}

const afterFirst = (cut: (response: Parameters<RequestHandler>[1]) => void): RequestHandler => {
  return (_request, response) => {
    response.write('first', () => setImmediate(cut, response));
  };
};

const servers: ConformanceCase[] = [
  byServer('res.destroy() before the headers', () => (_request, response) => void response.destroy(), '- failure'),
  byServer(
    'res.destroy(error) before the headers',
    () => (_request, response) => void response.on('error', () => {}).destroy(failure()),
    '- failure',
  ),
  byServer('req.destroy() before the headers', () => (asked) => void asked.destroy(), '- failure'),
  byServer('req.socket.destroy() before the headers', () => (asked) => void asked.socket.destroy(), '- failure'),
  byServer('a reset before the headers', () => (asked) => void asked.socket.resetAndDestroy(), '- failure'),
  byServer('res.destroy() in the body', () => afterFirst((response) => void response.destroy()), '200 aborted'),
  byServer(
    'res.destroy(error) in the body',
    () => afterFirst((response) => void response.on('error', () => {}).destroy(failure())),
    '200 failure',
  ),
  byServer('socket.destroy() in the body', () => afterFirst((response) => void response.socket?.destroy()), '200 aborted'),
  {
    ...byServer('closeAllConnections() before the headers', (stage) => () => stage.signal('asked'), '- failure'),
    async drive(client, stage) {
      const answer = client.ask('GET', '/work/7');
      await stage.happened('asked');
      stage.server?.closeAllConnections();
      await answer;
    },
  },
  byServer('closeAllConnections() in the body', (stage) => afterFirst(() => stage.server?.closeAllConnections()), '200 aborted'),
  byServer('a timeout of the socket', () => (asked) => void asked.socket.setTimeout(10), '- failure'),
];

const slow: ConformanceCase[] = [
  {
    name: 'an upload that does not come in time: 408 by Node',
    routes: (app, stage) =>
      void app.post('/uploads/:id', (asked) => {
        asked.resume();
        // Not before: the time for the headers begins with the connection.
        Object.assign(stage.server ?? {}, { headersTimeout: 10, requestTimeout: 10 });
      }),
    serve: (app) => createServer({ connectionsCheckingInterval: 10 }, app),
    async drive(client) {
      const connection = await client.open();
      connection.send(request('POST', '/uploads/7', { headers: { 'Content-Length': '1000' } }));
      await connection.closed;
    },
    expect: ['POST /uploads/:id - aborted client_disconnect'],
  },
  {
    name: 'a response timeout that the app answers with 503',
    routes: work(() => (_request, response) => {
      response.setTimeout(20, () => void response.status(503).send('too slow'));
    }),
    drive: asksOnce,
    expect: ['GET /work/:id 503'],
  },
  {
    name: 'server.close() lets an answer finish',
    routes: work((stage) => (_request, response) => {
      stage.signal('asked');
      void stage.happened('closing').then(() => response.send('ok'));
    }),
    async drive(client, stage) {
      const answer = client.ask('GET', '/work/7');
      await stage.happened('asked');
      stage.server?.close();
      stage.signal('closing');
      stage.saw(await answer);
    },
    expect: ['GET /work/:id 200'],
  },
];

export const cuts: Family = { name: 'cuts', cases: [...servers, ...slow] };
