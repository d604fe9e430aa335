// Errors: whoever answers them, the route that failed keeps its template, and the record keeps its outcome.
import type { Express, RequestHandler } from 'express';
import { asks, type ConformanceCase, type Family } from '../conformance-case.ts';
import { answersErrors, failure, ok, throws } from '../handlers.ts';
import type { Stage } from '../stage.ts';

/** A route in a router below a parametrised mount; `outer` is for the app. */
function inRouter(handler: RequestHandler, inner: boolean, outer: boolean) {
  return (app: Express, { express }: Stage) => {
    const router = express.Router();
    router.get('/orders/:id', handler);
    if (inner) router.use(answersErrors());
    app.use('/tenants/:tenant', router);
    if (outer) app.use(answersErrors());
  };
}

const NESTED = '/tenants/12/orders/9';
const TEMPLATE = '/tenants/:tenant/orders/:id';

const rejects: RequestHandler = async () => {
  await new Promise((resolve) => setImmediate(resolve));
  throw failure();
};

const passesRejectionOn: RequestHandler = async (request, response, next) => {
  try {
    await rejects(request, response, next);
  } catch (error) {
    next(error);
  }
};

const cases: ConformanceCase[] = [
  asks('a throw, answered by Express', (app) => void app.get('/boom/:id', throws()), 'GET /boom/7', 'GET /boom/:id 500'),
  asks(
    'a throw, answered by an error handler',
    (app) => {
      app.get('/boom/:id', throws());
      app.use(answersErrors());
    },
    'GET /boom/7',
    'GET /boom/:id 500',
  ),
  asks('a throw in a router, answered by Express', inRouter(throws(), false, false), `GET ${NESTED}`, `GET ${TEMPLATE} 500`),
  asks('a throw in a router, answered inside', inRouter(throws(), true, false), `GET ${NESTED}`, `GET ${TEMPLATE} 500`),
  asks('a throw in a router, answered outside', inRouter(throws(), false, true), `GET ${NESTED}`, `GET ${TEMPLATE} 500`),
  asks(
    'a success and a failure have one template',
    inRouter(
      (request, response) => {
        if (request.params['id'] === '9') throw failure();
        response.send('ok');
      },
      false,
      true,
    ),
    [`GET ${NESTED}`, 'GET /tenants/12/orders/1'],
    [`GET ${TEMPLATE} 500`, `GET ${TEMPLATE} 200`],
  ),
  asks('next(error)', (app) => void app.get('/boom/:id', (_q, _r, next) => next(failure())), 'GET /boom/7', 'GET /boom/:id 500'),
  asks(
    'next(error) later',
    (app) => void app.get('/boom/:id', (_q, _r, next) => void setImmediate(() => next(failure()))),
    'GET /boom/7',
    'GET /boom/:id 500',
  ),
  asks(
    'next(error) later, answered outside',
    inRouter((_q, _r, next) => void setImmediate(() => next(failure())), false, true),
    `GET ${NESTED}`,
    `GET ${TEMPLATE} 500`,
  ),
  asks('a rejection', (app) => void app.get('/boom/:id', rejects), 'GET /boom/7', 'GET /boom/:id 500', { only: ['5.2', '5.3'] }),
  asks('a rejection in a router, answered outside', inRouter(rejects, false, true), `GET ${NESTED}`, `GET ${TEMPLATE} 500`, {
    only: ['5.2', '5.3'],
  }),
  asks(
    'a rejection that the handler passes on',
    inRouter(passesRejectionOn, false, true),
    `GET ${NESTED}`,
    `GET ${TEMPLATE} 500`,
  ),
  asks('an error with status 422', inRouter(throws(422), false, true), `GET ${NESTED}`, `GET ${TEMPLATE} 422`),
  asks('an error with status 503', inRouter(throws(503), false, false), `GET ${NESTED}`, `GET ${TEMPLATE} 503`),
  asks(
    'an error handler that answers 404',
    (app) => {
      app.get('/users/:id', throws());
      app.use(answersErrors(404));
    },
    'GET /users/7',
    'GET /users/:id 404',
  ),
  asks(
    'an error handler that answers 200',
    (app) => {
      app.get('/users/:id', throws());
      app.use(answersErrors(200));
    },
    'GET /users/7',
    'GET /users/:id 200',
  ),
  asks(
    'an error handler of the route itself',
    (app) => void app.get('/users/:id', throws(), answersErrors(418)),
    'GET /users/7',
    'GET /users/:id 418',
  ),
  asks(
    'an error handler that throws',
    (app) => {
      app.get('/users/:id', throws(422));
      app.use(((_error, _request, _response, _next) => {
        throw failure(500);
      }) as ReturnType<typeof answersErrors>);
    },
    'GET /users/7',
    'GET /users/:id 500',
  ),
  asks(
    'an error handler that recovers: another route answers',
    (app) => {
      app.get('/users/:id', throws());
      app.use(((_error, _request, _response, next) => next()) as ReturnType<typeof answersErrors>);
      app.get('/users/:fallback', ok);
    },
    'GET /users/7',
    'GET /users/:fallback 200',
  ),
  asks(
    'middleware before the routes that fails',
    (app) => {
      app.use(throws(500));
      app.get('/users/:id', ok);
    },
    'GET /users/7',
    'GET __unmatched__ 500',
  ),
  asks(
    'an error below a sub-app, answered outside',
    (app, { express }) => {
      const sub = express();
      sub.get('/users/:id', throws());
      app.use('/admin/:area', sub);
      app.use(answersErrors());
    },
    'GET /admin/a/users/7',
    'GET /admin/:area/users/:id 500',
  ),
  asks(
    'an error below a sub-app, answered inside',
    (app, { express }) => {
      const sub = express();
      sub.get('/users/:id', throws());
      sub.use(answersErrors(409));
      app.use('/admin/:area', sub);
    },
    'GET /admin/a/users/7',
    'GET /admin/:area/users/:id 409',
  ),
  asks(
    'a status of 500 without an error',
    (app) => void app.get('/sick/:id', (_q, r) => void r.sendStatus(500)),
    'GET /sick/7',
    'GET /sick/:id 500',
  ),
];

const parsed: ConformanceCase[] = [
  {
    name: 'a body that is no JSON',
    routes: (app, { express }) => {
      app.use(express.json());
      app.post('/orders/:id', ok);
    },
    async drive(client, stage) {
      stage.saw(await client.ask('POST', '/orders/7', { headers: { 'Content-Type': 'application/json' }, body: '{"broken' }));
    },
    expect: ['POST __unmatched__ 400'],
  },
];

const late: ConformanceCase[] = [
  {
    name: 'a throw after the headers',
    routes: (app) =>
      void app.get('/half/:id', (_request, response) => {
        response.write('first');
        throw failure();
      }),
    drive: (client) => client.ask('GET', '/half/7'),
    expect: ['GET /half/:id 200 failure server_disconnect'],
  },
  {
    name: 'next(error) after the headers',
    routes: (app) =>
      void app.get('/half/:id', (_request, response, next) => {
        response.write('first');
        setImmediate(() => next(failure()));
      }),
    drive: (client) => client.ask('GET', '/half/7'),
    expect: ['GET /half/:id 200 failure server_disconnect'],
  },
  {
    name: 'next(error) after the answer',
    routes: (app) =>
      void app.get('/done/:id', (_request, response, next) => {
        response.send('ok');
        next(failure());
      }),
    drive: (client) => client.ask('GET', '/done/7'),
    expect: ['GET /done/:id 200'],
  },
];

export const errors: Family = { name: 'errors', cases: [...cases, ...parsed, ...late] };
