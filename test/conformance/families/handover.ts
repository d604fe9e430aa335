// Requests that pass several routes before one answers: the template belongs to the layer that answered.
import { asks, type ConformanceCase, type Family } from '../conformance-case.ts';
import { failure, ok, pass } from '../handlers.ts';

const cases: ConformanceCase[] = [
  asks(
    "next('route')",
    (app) => {
      app.get('/items/:first', (_request, _response, next) => next('route'), ok);
      app.get('/items/:second', ok);
    },
    'GET /items/7',
    'GET /items/:second 200',
  ),
  asks(
    "next('route') and nothing after it",
    (app) => void app.get('/items/:id', (_request, _response, next) => next('route'), ok),
    'GET /items/7',
    'GET __unmatched__ 404',
  ),
  asks(
    "next('router') out of a router",
    (app, { express }) => {
      const router = express.Router();
      router.get('/items/:id', (_request, _response, next) => next('router'));
      router.get('/items/:other', ok);
      app.use('/api', router);
      app.get('/api/items/:outside', ok);
    },
    'GET /api/items/7',
    'GET /api/items/:outside 200',
  ),
  asks(
    "next('router') and nothing after it",
    (app, { express }) => {
      const router = express.Router();
      router.get('/items/:id', (_request, _response, next) => next('router'));
      app.use('/api', router);
    },
    'GET /api/items/7',
    'GET __unmatched__ 404',
  ),
  asks(
    'next() out of a route to another',
    (app) => {
      app.get('/items/:first', pass);
      app.get('/items/:second', ok);
    },
    'GET /items/7',
    'GET /items/:second 200',
  ),
  asks(
    'a guard for all before a route',
    (app, stage) => {
      app.all(stage.pick('*', '/*all'), pass);
      app.get('/items/:id', ok);
    },
    'GET /items/7',
    'GET /items/:id 200',
  ),
  asks(
    'a guard for all, and then nothing',
    (app, stage) => void app.all(stage.pick('*', '/*all'), pass),
    'GET /items/7',
    'GET __unmatched__ 404',
  ),
  asks(
    'a guard that answers',
    (app, stage) => {
      app.all(stage.pick('/private/*', '/private/*all'), (_request, response) => void response.sendStatus(401));
      app.get('/private/:id', ok);
    },
    'GET /private/7',
    (version) => [version === '4' ? 'GET /private/* 401' : 'GET /private/*all 401'],
  ),
  asks(
    'a guard in a router, a route in another',
    (app, { express }) => {
      const guard = express.Router();
      const router = express.Router();
      guard.all('/:any', pass);
      router.get('/:id', ok);
      app.use('/api', guard);
      app.use('/api', router);
    },
    'GET /api/7',
    'GET /api/:id 200',
  ),
  asks(
    'a guard in a router, and then nothing',
    (app, { express }) => {
      const guard = express.Router();
      guard.all('/:any', pass);
      app.use('/api', guard);
    },
    'GET /api/7',
    'GET __unmatched__ 404',
  ),
  asks(
    'a guard, and then a middleware that answers 404',
    (app, stage) => {
      app.all(stage.pick('*', '/*all'), pass);
      app.use((_request, response) => void response.status(404).send('nothing here'));
    },
    'GET /items/7',
    'GET __unmatched__ 404',
  ),
  asks(
    'a parameter handler',
    (app) => {
      app.param('id', (_request, _response, next) => next());
      app.get('/items/:id', ok);
    },
    'GET /items/7',
    'GET /items/:id 200',
  ),
  asks(
    'a parameter handler that answers',
    (app) => {
      app.param('id', (_request, response) => void response.sendStatus(410));
      app.get('/items/:id', ok);
    },
    'GET /items/7',
    'GET /items/:id 410',
  ),
  asks(
    'a parameter handler that fails',
    (app) => {
      app.param('id', (_request, _response, next) => next(failure(422)));
      app.get('/items/:id', ok);
    },
    'GET /items/7',
    'GET /items/:id 422',
  ),
  asks(
    'next() after the answer',
    (app) => {
      app.get('/items/:id', (_request, response, next) => {
        response.send('ok');
        next();
      });
      app.use(pass);
    },
    'GET /items/7',
    'GET /items/:id 200',
  ),
  asks(
    'next() after the answer, into another route',
    (app) => {
      app.get('/items/:id', (_request, response, next) => {
        response.send('ok');
        next();
      });
      app.get('/items/:other', () => {});
    },
    'GET /items/7',
    'GET /items/:id 200',
  ),
  asks(
    'middleware before the routes that answers',
    (app) => {
      app.use((_request, response) => void response.sendStatus(503));
      app.get('/items/:id', ok);
    },
    'GET /items/7',
    'GET __unmatched__ 503',
  ),
];

export const handover: Family = { name: 'handover', cases };
