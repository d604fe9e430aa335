// Routers and apps below mounts: the template is joined from the patterns as they were registered.
import type { Express } from 'express';
import { asks, type ConformanceCase, type Family } from '../conformance-case.ts';
import { ok, pass } from '../handlers.ts';
import type { Stage } from '../stage.ts';

/** A router with one route. */
function routerOf({ express }: Stage, path: string, options = {}) {
  const router = express.Router(options);
  router.get(path, ok);
  return router;
}

function mounted(mount: string | RegExp | (string | RegExp)[], path: string) {
  return (app: Express, stage: Stage) => void app.use(mount, routerOf(stage, path));
}

const plain: ConformanceCase[] = [
  asks('a router', mounted('/api', '/items/:id'), 'GET /api/items/7', 'GET /api/items/:id 200'),
  asks("a router's root", mounted('/api', '/'), 'GET /api', 'GET /api 200'),
  asks("a router's root, with a slash", mounted('/api', '/'), 'GET /api/', 'GET /api 200'),
  asks('a mount with a slash at its end', mounted('/api/', '/items'), 'GET /api/items', 'GET /api/items 200'),
  asks('a mount of two segments', mounted('/api/v1', '/items'), 'GET /api/v1/items', 'GET /api/v1/items 200'),
  asks('a mount at the root', mounted('/', '/items/:id'), 'GET /items/7', 'GET /items/:id 200'),
  asks('a mount without a path', (app, stage) => app.use(routerOf(stage, '/items/:id')), 'GET /items/7', 'GET /items/:id 200'),
  asks('in capitals', mounted('/api', '/items'), 'GET /API/Items', 'GET /api/items 200'),
  asks('a query string below a mount', mounted('/api', '/items'), 'GET /api/items?x=/y', 'GET /api/items 200'),
  asks("a query string behind a router's root", mounted('/api', '/'), 'GET /api?x=1', 'GET /api 200'),
  asks(
    'a router in a router in a router',
    (app, stage) => {
      const middle = stage.express.Router();
      const outer = stage.express.Router();
      middle.use('/c', routerOf(stage, '/d/:id'));
      outer.use('/b', middle);
      app.use('/a', outer);
    },
    'GET /a/b/c/d/7',
    'GET /a/b/c/d/:id 200',
  ),
  asks(
    'a router behind middleware in one use()',
    (app, stage) => app.use('/api', pass, pass, routerOf(stage, '/items/:id')),
    'GET /api/items/7',
    'GET /api/items/:id 200',
  ),
  asks(
    'two routers in one use()',
    (app, stage) => app.use('/api', routerOf(stage, '/first/:id'), routerOf(stage, '/second/:id')),
    ['GET /api/second/7', 'GET /api/first/7'],
    ['GET /api/second/:id 200', 'GET /api/first/:id 200'],
  ),
  asks(
    'an array of routers in one use()',
    (app, stage) => app.use('/api', [routerOf(stage, '/first/:id'), routerOf(stage, '/second/:id')]),
    ['GET /api/second/7', 'GET /api/first/7'],
    ['GET /api/second/:id 200', 'GET /api/first/:id 200'],
  ),
  asks(
    'two mounts with one prefix',
    (app, stage) => {
      app.use('/api', routerOf(stage, '/users/:id'));
      app.use('/api', routerOf(stage, '/orders/:id'));
    },
    ['GET /api/orders/7', 'GET /api/users/7'],
    ['GET /api/orders/:id 200', 'GET /api/users/:id 200'],
  ),
  asks(
    'one router at two mounts',
    (app, stage) => {
      const router = routerOf(stage, '/items/:id');
      app.use('/old', router);
      app.use('/new', router);
    },
    ['GET /old/items/7', 'GET /new/items/7'],
    ['GET /old/items/:id 200', 'GET /new/items/:id 200'],
  ),
  asks(
    'a route after a router that did not answer',
    (app, stage) => {
      app.use('/api', routerOf(stage, '/users'));
      app.get('/api/:rest', ok);
    },
    'GET /api/7',
    'GET /api/:rest 200',
  ),
];

const parametrised: ConformanceCase[] = [
  asks(
    'a parameter in the mount',
    mounted('/tenants/:tenant', '/orders/:id'),
    'GET /tenants/12/orders/9',
    'GET /tenants/:tenant/orders/:id 200',
  ),
  asks(
    'a word for the parameter',
    mounted('/tenants/:tenant', '/orders'),
    'GET /tenants/acme/orders',
    'GET /tenants/:tenant/orders 200',
  ),
  asks('its root, below a parameter', mounted('/tenants/:tenant', '/'), 'GET /tenants/12', 'GET /tenants/:tenant 200'),
  asks(
    'a value like the fixed part',
    mounted('/tenants/:tenant', '/orders'),
    'GET /tenants/tenants/orders',
    'GET /tenants/:tenant/orders 200',
  ),
  asks(
    'an encoded slash in the mount',
    mounted('/tenants/:tenant', '/orders'),
    'GET /tenants/a%2Fb/orders',
    'GET /tenants/:tenant/orders 200',
  ),
  asks('two parameters, same value', mounted('/:org/:team', '/x'), 'GET /7/7/x', 'GET /:org/:team/x 200'),
  asks(
    'parameters in three mounts',
    (app, stage) => {
      const middle = stage.express.Router();
      const outer = stage.express.Router();
      middle.use('/:c', routerOf(stage, '/:d'));
      outer.use('/:b', middle);
      app.use('/:a', outer);
    },
    'GET /1/2/3/4',
    'GET /:a/:b/:c/:d 200',
  ),
  asks(
    'one name in mount and route',
    (app, stage) => app.use('/users/:id', routerOf(stage, '/posts/:id')),
    'GET /users/1/posts/2',
    'GET /users/:id/posts/:id 200',
  ),
  asks(
    'mergeParams',
    (app, stage) => app.use('/users/:user', routerOf(stage, '/posts/:post', { mergeParams: true })),
    'GET /users/1/posts/2',
    'GET /users/:user/posts/:post 200',
  ),
  asks(
    'mergeParams, one name twice',
    (app, stage) => app.use('/users/:id', routerOf(stage, '/posts/:id', { mergeParams: true })),
    'GET /users/1/posts/2',
    'GET /users/:id/posts/:id 200',
  ),
  asks(
    'a handler that changes req.params',
    (app, stage) => {
      app.use(
        '/tenants/:tenant',
        (request, _response, next) => {
          request.params['tenant'] = 'changed';
          next();
        },
        routerOf(stage, '/orders'),
      );
    },
    'GET /tenants/12/orders',
    'GET /tenants/:tenant/orders 200',
  ),
  asks(
    'one router at two parametrised mounts',
    (app, stage) => {
      const router = routerOf(stage, '/items');
      app.use('/old/:a', router);
      app.use('/new/:b', router);
    },
    ['GET /old/1/items', 'GET /new/1/items'],
    ['GET /old/:a/items 200', 'GET /new/:b/items 200'],
  ),
];

const patterns: ConformanceCase[] = [
  asks(
    'an array of mounts',
    mounted(['/old', '/new'], '/items/:id'),
    ['GET /new/items/7', 'GET /old/items/7'],
    ['GET /new/items/:id 200', 'GET /old/items/:id 200'],
  ),
  asks(
    'an array of parametrised mounts',
    mounted(['/o/:org', '/t/:team'], '/items'),
    ['GET /t/1/items', 'GET /o/1/items'],
    ['GET /t/:team/items 200', 'GET /o/:org/items 200'],
  ),
  asks('a mount by regular expression', mounted(/^\/v\d+/, '/items'), 'GET /v12/items', 'GET /^\\/v\\d+/items 200', {
    routeNeedsRegister: ['5.2'],
  }),
  asks('an array with a regular expression', mounted(['/api', /^\/v\d+/], '/items'), 'GET /api/items', 'GET /api/items 200'),
  asks(
    'a wildcard mount',
    (app, stage) => void app.use(stage.pick('/p/*/q', '/p/*any/q'), routerOf(stage, '/items')),
    'GET /p/a/b/q/items',
    (version) => [version === '4' ? 'GET /p/*/q/items 200' : 'GET /p/*any/q/items 200'],
  ),
  asks(
    'an optional segment in the mount, left out',
    (app, stage) => void app.use(stage.pick('/:lang(en|de)?', '{/:lang}/site'), routerOf(stage, '/items')),
    'GET /site/items',
    ['GET {/:lang}/site/items 200'],
    { only: ['5.2', '5.3'], routeNeedsRegister: ['5.2'] },
  ),
];

const apps: ConformanceCase[] = [
  asks(
    'a sub-app',
    (app, { express }) => {
      const sub = express();
      sub.get('/users/:id', ok);
      app.use('/admin', sub);
    },
    'GET /admin/users/7',
    'GET /admin/users/:id 200',
  ),
  asks(
    'a sub-app below a parameter',
    (app, { express }) => {
      const sub = express();
      sub.get('/users/:id', ok);
      app.use('/tenants/:tenant', sub);
    },
    'GET /tenants/12/users/7',
    'GET /tenants/:tenant/users/:id 200',
  ),
  asks(
    'a sub-app in a sub-app',
    (app, { express }) => {
      const inner = express();
      const outer = express();
      inner.get('/c/:id', ok);
      outer.use('/b', inner);
      app.use('/a', outer);
    },
    'GET /a/b/c/7',
    'GET /a/b/c/:id 200',
  ),
  asks(
    'a router in a sub-app in a router',
    (app, stage) => {
      const sub = stage.express();
      const router = stage.express.Router();
      sub.use('/c', routerOf(stage, '/d/:id'));
      router.use('/b', sub);
      app.use('/a', router);
    },
    'GET /a/b/c/d/7',
    'GET /a/b/c/d/:id 200',
  ),
  asks(
    "a sub-app's root",
    (app, { express }) => {
      const sub = express();
      sub.get('/', ok);
      app.use('/admin', sub);
    },
    'GET /admin',
    'GET /admin 200',
  ),
  asks(
    'a route after a sub-app that did not answer',
    (app, { express }) => {
      const sub = express();
      sub.get('/users', ok);
      app.use('/admin', sub);
      app.get('/admin/:rest', ok);
    },
    'GET /admin/7',
    'GET /admin/:rest 200',
  ),
  asks(
    'a sub-app called as a function',
    (app, { express }) => {
      const sub = express();
      sub.get('/inner/:id', ok);
      app.use((request, response, next) => sub(request, response, next));
    },
    'GET /inner/7',
    'GET /inner/:id 200',
  ),
];

export const mounts: Family = { name: 'mounts', cases: [...plain, ...parametrised, ...patterns, ...apps] };
