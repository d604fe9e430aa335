// Answers: every status and every way of sending one, as long as all of it goes out.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { RequestHandler } from 'express';
import type { AskOptions } from '../client.ts';
import { asks, type ConformanceCase, type Family } from '../conformance-case.ts';
import { answersErrors } from '../handlers.ts';
import { MISSING, PAGE } from '../sample-files.ts';

const statuses = [200, 201, 202, 206, 301, 303, 400, 401, 403, 404, 409, 418, 422, 429, 451, 500, 501, 503, 504, 599].map(
  (status) =>
    asks(
      `status ${status}`,
      (app) => void app.get('/s/:id', (_q, response) => void response.status(status).send('x')),
      'GET /s/7',
      `GET /s/:id ${status}`,
    ),
);

/** A route that answers in one way. */
function way(
  name: string,
  handler: RequestHandler,
  status = 200,
  options: AskOptions & { method?: string } = {},
): ConformanceCase {
  const { method = 'GET', ...asked } = options;
  return {
    name,
    routes: (app) => void app.all('/way/:id', handler),
    drive: async (client, stage) => stage.saw(await client.ask(method, '/way/7', asked)),
    expect: [`${method} /way/:id ${status}`],
  };
}

const ways: ConformanceCase[] = [
  way('res.json()', (_q, response) => void response.json({ a: 1 })),
  way('res.send() of a buffer', (_q, response) => void response.send(Buffer.alloc(10))),
  way('res.end() without a body', (_q, response) => void response.end()),
  way(
    'res.end() twice',
    (_q, response) =>
      void response
        .on('error', () => {})
        .end('x')
        .end('y'),
  ),
  way('204', (_q, response) => void response.status(204).end(), 204),
  way('a redirect', (_q, response) => response.redirect('/elsewhere'), 302),
  way('a permanent redirect', (_q, response) => response.redirect(308, '/elsewhere'), 308),
  way('fresh: 304', (_q, response) => void response.set('ETag', '"v1"').send('x'), 304, { headers: { 'If-None-Match': '"v1"' } }),
  way('writeHead() and end()', (_q, response) => void response.writeHead(207, { 'X-A': '1' }).end('x'), 207),
  way('a status message of its own', (_q, response) => void response.writeHead(200, 'Fine').end('x')),
  way('early hints', (_q, response) =>
    response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => void response.send('x')),
  ),
  way('102 before the answer', (_q, response) => {
    response.writeProcessing();
    response.send('x');
  }),
  way('trailers', (_q, response) => {
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('x');
    response.addTrailers({ 'X-Sum': '1' });
    response.end();
  }),
  way('write() by write()', async (_q, response) => {
    for (let part = 0; part < 5; part++) {
      response.write('part');
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  }),
  way('a piped stream', (_q, response) => void Readable.from(['a', 'b', 'c']).pipe(response)),
  way('a pipeline through gzip', async (_q, response) => {
    response.set('Content-Encoding', 'gzip');
    await pipeline(Readable.from(['a'.repeat(50_000)]), createGzip(), response);
  }),
  way('write() and end() replaced, as by compression', (_q, response) => {
    const gzip = createGzip();
    const end = response.end.bind(response);
    const write = response.write.bind(response);
    gzip.on('data', (data: Buffer) => write(data)).on('end', () => end());
    response.write = ((chunk: Buffer) => gzip.write(chunk)) as typeof response.write;
    response.end = ((chunk: Buffer) => {
      gzip.end(chunk);
      return response;
    }) as typeof response.end;
    response.set('Content-Encoding', 'gzip').send('a'.repeat(5000));
  }),
  way('an answer of 5 MB', (_q, response) => void response.send(Buffer.alloc(5_000_000))),
  way('HEAD with a body', (_q, response) => void response.send('x'.repeat(1000)), 200, { method: 'HEAD' }),
  way('a status set, and changed before it is sent', (_q, response) => void response.status(500).status(202).send('x'), 202),
  way('an answer in a later turn', (_q, response) => void setImmediate(() => response.send('x'))),
  way('100-continue', (request, response) => void request.resume().on('end', () => response.send('x')), 200, {
    method: 'POST',
    headers: { Expect: '100-continue' },
    body: 'hello',
  }),
  {
    name: 'an expectation that Node refuses: 417',
    routes: (app) => void app.get('/way/:id', (_q, response) => void response.send('x')),
    drive: (client) => client.ask('GET', '/way/7', { headers: { Expect: 'miracles' } }),
    expect: [],
  },
];

const files: ConformanceCase[] = [
  way('sendFile()', (_q, response) => response.sendFile(PAGE)),
  way('sendFile(), a range', (_q, response) => response.sendFile(PAGE), 206, { headers: { Range: 'bytes=0-99' } }),
  way('sendFile(), a range outside', (_q, response) => response.sendFile(PAGE), 416, { headers: { Range: 'bytes=9000-' } }),
  way('sendFile(), fresh', (_q, response) => response.sendFile(PAGE), 304, {
    headers: { 'If-Modified-Since': new Date(Date.now() + 60_000).toUTCString() },
  }),
  way('sendFile(), missing', (_q, response) => response.sendFile(MISSING), 404),
  way('sendFile(), HEAD', (_q, response) => response.sendFile(PAGE), 200, { method: 'HEAD' }),
  way('sendFile() with a callback', (_q, response, next) =>
    response.sendFile(PAGE, (error) => {
      if (error) next(error);
    }),
  ),
  way('download()', (_q, response) => response.download(PAGE)),
  way('a file read and piped', (_q, response) => void createReadStream(PAGE).pipe(response)),
  asks(
    'sendFile(), missing, answered by an error handler',
    (app, { express }) => {
      const router = express.Router();
      router.get('/:name', (_q, response) => response.sendFile(MISSING));
      app.use('/files/:shelf', router);
      app.use(answersErrors());
    },
    'GET /files/7/8',
    'GET /files/:shelf/:name 404',
  ),
];

export const answers: Family = { name: 'answers', cases: [...statuses, ...ways, ...files] };
