// Methods: those of RFC 9110 and PATCH by name, all others as `_OTHER`.
import { METHODS } from 'node:http';
import type { Express } from 'express';
import { asks, type ConformanceCase, type Family } from '../conformance-case.ts';
import { ok } from '../handlers.ts';

const named = (['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'trace'] as const).map((method) =>
  asks(
    `a route for ${method.toUpperCase()}`,
    (app) => void app[method]('/things/:id', ok),
    `${method.toUpperCase()} /things/7`,
    `${method.toUpperCase()} /things/:id 200`,
  ),
);

/** Methods that Node reads, and that get no label of their own. */
const other = ['PROPFIND', 'MKCOL', 'PURGE', 'M-SEARCH', ...(METHODS.includes('QUERY') ? ['QUERY'] : [])].map((method) =>
  asks(
    `a route for ${method}`,
    (app) => {
      const route = app as Express & Record<string, Express['get']>;
      route[method.toLowerCase()]?.('/things/:id', ok);
    },
    `${method} /things/7`,
    '_OTHER /things/:id 200',
  ),
);

const rest: ConformanceCase[] = [
  asks('HEAD, answered by the route for GET', (app) => void app.get('/things/:id', ok), 'HEAD /things/7', 'HEAD /things/:id 200'),
  asks('HEAD of nothing', (app) => void app.get('/things', ok), 'HEAD /nowhere', 'HEAD __unmatched__ 404'),
  asks(
    'OPTIONS, answered by Express itself',
    (app) => void app.get('/things/:id', ok).post('/things/:id', ok),
    'OPTIONS /things/7',
    'OPTIONS __unmatched__ 200',
  ),
  asks('OPTIONS of nothing', (app) => void app.get('/things', ok), 'OPTIONS /nowhere', 'OPTIONS __unmatched__ 404'),
  asks('OPTIONS *', (app) => void app.get('/things', ok), 'OPTIONS *', 'OPTIONS __unmatched__ 404'),
  asks(
    'OPTIONS, answered by middleware for all',
    (app) => {
      app.use((request, response, next) => void (request.method === 'OPTIONS' ? response.sendStatus(204) : next()));
      app.get('/things/:id', ok);
    },
    'OPTIONS /things/7',
    'OPTIONS __unmatched__ 204',
  ),
  asks('app.all() with an unknown method', (app) => void app.all('/any/:id', ok), 'LOCK /any/7', '_OTHER /any/:id 200'),
  asks('an unknown method and path', (app) => void app.get('/things', ok), 'PROPFIND /nowhere', '_OTHER __unmatched__ 404'),
  asks(
    'many unknown methods, one label',
    (app) => void app.get('/things', ok),
    ['LOCK /a', 'UNLOCK /a', 'COPY /a', 'REPORT /a'],
    Array.from({ length: 4 }, () => '_OTHER __unmatched__ 404'),
  ),
];

/** What Node refuses before there is a request leaves no record. */
const refused: ConformanceCase[] = ['HELLO /things', 'get /things', 'CONNECT conformance:80'].map((line) => ({
  name: `never a request: ${line}`,
  routes: (app) => void app.get('/things', ok),
  async drive(client) {
    const connection = await client.open();
    connection.send(`${line} HTTP/1.1\r\nHost: conformance\r\n\r\n`);
    await connection.closed;
  },
  expect: [],
}));

export const methods: Family = { name: 'methods', cases: [...named, ...other, ...rest, ...refused] };
