// Where the middleware stands, how often, and on which server: each request counts once, and what is no traffic does not count.
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Express } from 'express';
import { request } from '../client.ts';
import { asks, type ConformanceCase, type Family } from '../conformance-case.ts';
import { answersErrors, ok, throws } from '../handlers.ts';
import { createSelfSigned } from '../self-signed.ts';
import type { Stage } from '../stage.ts';

const BY_ITSELF = { installs: 'by itself' } as const;

const twice: ConformanceCase[] = [
  asks(
    'installed twice',
    (app, stage) => {
      stage.install(app);
      app.get('/things/:id', ok);
    },
    'GET /things/7',
    'GET /things/:id 200',
  ),
  asks(
    'installed on the app and on a route',
    (app, stage) => void app.get('/things/:id', stage.middleware(), ok),
    'GET /things/7',
    'GET /things/:id 200',
  ),
  asks(
    'installed on the app and in a router',
    (app, stage) => {
      const router = stage.express.Router();
      router.use(stage.middleware());
      router.get('/things/:id', ok);
      app.use('/api', router);
    },
    'GET /api/things/7',
    'GET /api/things/:id 200',
  ),
  asks(
    'installed on the app and in a sub-app',
    (app, stage) => {
      const sub = stage.express();
      stage.install(sub);
      sub.get('/things/:id', ok);
      app.use('/admin', sub);
    },
    'GET /admin/things/7',
    'GET /admin/things/:id 200',
  ),
];

const places: ConformanceCase[] = [
  asks(
    'after other middleware',
    (app, stage) => {
      app.use((_request, response, next) => {
        response.set('X-A', '1');
        next();
      });
      stage.install(app);
      app.get('/things/:id', ok);
    },
    'GET /things/7',
    'GET /things/:id 200',
    BY_ITSELF,
  ),
  asks(
    'before an error handler that an error reaches',
    (app) => {
      app.get('/things/:id', throws(503));
      app.use(answersErrors());
    },
    'GET /things/7',
    'GET /things/:id 503',
  ),
];

/** What only a middleware can be asked: OpenTelemetry sees every request of the process. */
const partial: ConformanceCase[] = [
  {
    ...asks(
      'after some routes: those are not its business',
      (app, stage) => {
        app.get('/early/:id', ok);
        stage.install(app);
        app.get('/late/:id', ok);
      },
      ['GET /early/7', 'GET /late/7'],
      ['GET /late/:id 200'],
      BY_ITSELF,
    ),
    isOwn: true,
  },
  {
    ...asks(
      'in a sub-app alone',
      (app, stage) => {
        const sub = stage.express();
        stage.install(sub);
        sub.get('/things/:id', ok);
        app.use('/admin/:area', sub);
        app.get('/outside', ok);
      },
      ['GET /admin/a/things/7', 'GET /outside'],
      ['GET /admin/:area/things/:id 200'],
      BY_ITSELF,
    ),
    isOwn: true,
  },
  {
    ...asks(
      'in a router alone, below a parametrised mount',
      (app, stage) => {
        const router = stage.express.Router();
        router.use(stage.middleware());
        router.get('/things/:id', ok);
        app.use('/tenants/:tenant', router);
        app.get('/outside', ok);
      },
      ['GET /tenants/12/things/7', 'GET /outside'],
      ['GET /tenants/:tenant/things/:id 200'],
      BY_ITSELF,
    ),
    isOwn: true,
  },
  {
    ...asks(
      'on one route alone',
      (app, stage) => {
        app.get('/things/:id', stage.middleware(), ok);
        app.get('/outside', ok);
      },
      ['GET /things/7', 'GET /outside'],
      ['GET /things/:id 200'],
      BY_ITSELF,
    ),
    isOwn: true,
  },
  {
    ...asks('nowhere', (app) => void app.get('/things/:id', ok), 'GET /things/7', [], BY_ITSELF),
    isOwn: true,
  },
];

function selfRoutes(order: 'before' | 'after') {
  return (app: Express, stage: Stage) => {
    if (order === 'before') app.use(stage.measurer.selfRoutes());
    stage.install(app);
    if (order === 'after') app.use(stage.measurer.selfRoutes());
    app.get('/things/:id', ok);
  };
}

/** Scrapes and health checks; peers have them in other forms or not at all. */
const selfScrapes: ConformanceCase[] = (['after', 'before'] as const).flatMap((order) =>
  ['/metrics', '/healthz', '/readyz'].map((path) => ({
    ...asks(
      `${path} is not counted, served ${order} the middleware`,
      selfRoutes(order),
      [`GET ${path}`, 'GET /things/7'],
      ['GET /things/:id 200'],
      BY_ITSELF,
    ),
    isOwn: true,
  })),
);

const scrapeOthers: ConformanceCase[] = [
  {
    ...asks(
      'a scrape by HEAD, and one with a query string, are not counted',
      selfRoutes('after'),
      ['HEAD /metrics', 'GET /metrics?name=x', 'GET /things/7'],
      ['GET /things/:id 200'],
      BY_ITSELF,
    ),
    isOwn: true,
  },
  {
    ...asks(
      'POST /metrics is traffic that nobody knows',
      selfRoutes('after'),
      'POST /metrics',
      ['POST __unmatched__ 404'],
      BY_ITSELF,
    ),
    isOwn: true,
  },
];

const scrapeAsked: ConformanceCase[] = [
  {
    ...asks(
      'scrapes and health checks are counted when asked',
      (app, stage) => {
        app.use(stage.tracker.express({ countOwnRoutes: true }));
        app.use(stage.measurer.selfRoutes());
      },
      ['GET /metrics', 'GET /healthz', 'GET /readyz'],
      ['GET /metrics 200', 'GET /healthz 200', 'GET /readyz 200'],
      BY_ITSELF,
    ),
    isOwn: true,
  },
];

const servers: ConformanceCase[] = [
  {
    name: 'app.listen()',
    routes: (app) => void app.get('/things/:id', ok),
    serve: (app) => app.listen(0, '127.0.0.1'),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/things/7')),
    expect: ['GET /things/:id 200'],
  },
  {
    name: 'an app called by a listener of its own',
    routes: (app) => void app.get('/things/:id', ok),
    serve: (app) => createServer((request, response) => void app(request, response)),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/things/7')),
    expect: ['GET /things/:id 200'],
  },
  {
    name: 'an app called in a later turn',
    routes: (app) => void app.get('/things/:id', ok),
    serve: (app) => createServer((request, response) => void setImmediate(() => app(request, response))),
    drive: async (client, stage) => stage.saw(await client.ask('GET', '/things/7')),
    expect: ['GET /things/:id 200'],
  },
  {
    name: 'two apps on two servers, one measurer',
    routes: (app) => void app.get('/first/:id', ok),
    async drive(client, stage) {
      const other = stage.express();
      stage.install(other);
      other.get('/second/:id', ok);
      const second = await stage.listen(other);
      await Promise.all([client.ask('GET', '/first/7'), second.ask('GET', '/second/7'), second.ask('GET', '/first/7')]);
    },
    expect: ['GET /first/:id 200', 'GET /second/:id 200', 'GET __unmatched__ 404'],
  },
  {
    name: 'one app on two servers',
    routes: (app, stage) => {
      app.get('/things/:id', ok);
      apps.set(stage, app);
    },
    async drive(client, stage) {
      const second = await stage.listen(apps.get(stage) as Express);
      stage.saw(await client.ask('GET', '/things/1'));
      stage.saw(await second.ask('GET', '/things/2'));
    },
    expect: ['GET /things/:id 200', 'GET /things/:id 200'],
  },
  {
    name: 'two apps chosen by host, one server',
    routes: (app) => void app.get('/first/:id', ok),
    serve(app, stage) {
      const other = stage.express();
      stage.install(other);
      other.get('/second/:id', ok);
      return createServer((request, response) => void (request.url?.startsWith('/second') ? other : app)(request, response));
    },
    async drive(client, stage) {
      stage.saw(await client.ask('GET', '/first/7'));
      stage.saw(await client.ask('GET', '/second/7'));
    },
    expect: ['GET /first/:id 200', 'GET /second/:id 200'],
  },
];

const overTls: ConformanceCase[] = [
  {
    name: 'https',
    routes: (app) => void app.get('/things/:id', ok),
    serve: (app) => createTlsServer(createSelfSigned(), app),
    async drive(client, stage) {
      stage.saw(await client.ask('GET', '/things/7'));
      stage.saw(await client.ask('GET', '/nowhere'));
    },
    expect: ['GET /things/:id 200', 'GET __unmatched__ 404'],
  },
  {
    name: 'https, cut before the headers',
    routes: (app, stage) => void app.get('/things/:id', () => stage.signal('asked')),
    serve: (app) => createTlsServer(createSelfSigned(), app),
    async drive(client, stage) {
      const connection = await client.open();
      connection.send(request('GET', '/things/7'));
      await stage.happened('asked');
      connection.socket.destroy();
    },
    expect: ['GET /things/:id - aborted client_disconnect'],
  },
];

const apps = new WeakMap<Stage, Express>();

export const installation: Family = {
  name: 'installation',
  cases: [...twice, ...places, ...partial, ...selfScrapes, ...scrapeOthers, ...scrapeAsked, ...servers, ...overTls],
};
