// What no route answers has one series, whatever the client sends; garbage too.
import { asks, type ConformanceCase, type Family } from '../conformance-case.ts';
import { answersErrors, ok } from '../handlers.ts';

/** Paths as scanners send them. */
const SCAN = [
  '/.env',
  '/wp-login.php',
  '/.git/config',
  '/admin/../../etc/passwd',
  '/api/v1/users/00000000-0000-4000-8000-000000000000',
  '/cgi-bin/%2e%2e/%2e%2e/bin/sh',
  '/index.php?s=/index/\\think\\app',
  '/1/2/3/4/5/6/7/8/9/10/11/12',
  "/'+OR+1=1--",
  '/%F0%9F%92%A9',
];

const cases: ConformanceCase[] = [
  asks('an app without routes', () => {}, 'GET /', 'GET __unmatched__ 404'),
  asks('a path that nobody knows', (app) => void app.get('/known', ok), 'GET /no/such/page', 'GET __unmatched__ 404'),
  asks('the root where there is none', (app) => void app.get('/known', ok), 'GET /', 'GET __unmatched__ 404'),
  asks('a path longer than a route', (app) => void app.get('/users/:id', ok), 'GET /users/7/more', 'GET __unmatched__ 404'),
  asks('a known path, another method', (app) => void app.get('/users/:id', ok), 'DELETE /users/7', 'DELETE __unmatched__ 404'),
  asks(
    'a path below a router',
    (app, { express }) => void app.use('/api', express.Router().get('/users', ok)),
    'GET /api/nowhere',
    'GET __unmatched__ 404',
  ),
  asks(
    'a path below a parametrised mount',
    (app, { express }) => void app.use('/tenants/:tenant', express.Router().get('/orders', ok)),
    'GET /tenants/12/nowhere',
    'GET __unmatched__ 404',
  ),
  asks(
    'a path below a sub-app',
    (app, { express }) => {
      const sub = express();
      sub.get('/users', ok);
      app.use('/admin', sub);
    },
    'GET /admin/nowhere',
    'GET __unmatched__ 404',
  ),
  asks('a query string', (app) => void app.get('/known', ok), 'GET /nowhere?id=7', 'GET __unmatched__ 404'),
  asks('a path of 8 kB', (app) => void app.get('/known', ok), `GET /${'x'.repeat(8192)}`, 'GET __unmatched__ 404'),
  asks(
    'a scan',
    (app) => void app.get('/known', ok),
    SCAN.map((path) => `GET ${path}`),
    SCAN.map(() => 'GET __unmatched__ 404'),
  ),
  asks(
    'a scan of random paths',
    (app) => void app.get('/known/:id', ok),
    Array.from({ length: 30 }, (_, index) => `GET /${(index * 7919).toString(36)}/${(index * 104729).toString(16)}`),
    Array.from({ length: 30 }, () => 'GET __unmatched__ 404'),
  ),
  asks(
    'a middleware at the end that answers 404',
    (app) => {
      app.get('/known', ok);
      app.use((_request, response) => void response.status(404).json({ error: 'not found' }));
    },
    'GET /nowhere',
    'GET __unmatched__ 404',
  ),
  asks(
    'a middleware at the end that answers 200',
    (app) => {
      app.get('/known', ok);
      app.use(ok);
    },
    'GET /nowhere',
    'GET __unmatched__ 200',
  ),
  asks(
    'a middleware at the end that fails with 404',
    (app) => {
      app.use((_request, _response, next) => next(Object.assign(new Error('not found'), { status: 404 })));
      app.use(answersErrors());
    },
    'GET /nowhere',
    'GET __unmatched__ 404',
  ),
  asks('a parameter that cannot be decoded', (app) => void app.get('/users/:id', ok), 'GET /users/%', 'GET __unmatched__ 400'),
  asks('broken UTF-8 in a parameter', (app) => void app.get('/users/:id', ok), 'GET /users/%E2%28', 'GET __unmatched__ 400'),
  asks(
    'a mount that cannot be decoded',
    (app, { express }) => void app.use('/tenants/:tenant', express.Router().get('/orders', ok)),
    'GET /tenants/%zz/orders',
    'GET __unmatched__ 400',
  ),
  asks(
    'a parameter that cannot be decoded, answered by an error handler',
    (app) => {
      app.get('/users/:id', ok);
      app.use(answersErrors());
    },
    'GET /users/%zz',
    'GET __unmatched__ 400',
  ),
  asks('garbage in the query string of a route', (app) => void app.get('/known', ok), 'GET /known?x=%zz&%=1', 'GET /known 200'),
];

export const unmatched: Family = { name: 'unmatched', cases };
