// Functions mounted with `use` that answer themselves: the path that they were mounted at is their template; at the root there is none.
import type { RequestHandler } from 'express';
import { asks, type ConformanceCase, type Family } from '../conformance-case.ts';
import { answersErrors, failure, ok, pass } from '../handlers.ts';
import { FOLDER } from '../sample-files.ts';

const fails: RequestHandler = (_request, _response, next) => next(failure());

const functions: ConformanceCase[] = [
  asks('at a path', (app) => app.use('/hooks', ok), 'POST /hooks', 'POST /hooks 200'),
  asks('below its path', (app) => app.use('/hooks', ok), 'POST /hooks/github/7', 'POST /hooks 200'),
  asks('at a parametrised path', (app) => app.use('/hooks/:source', ok), 'POST /hooks/7/more', 'POST /hooks/:source 200'),
  asks('at one of two paths', (app) => app.use(['/hooks', '/callbacks'], ok), 'POST /callbacks/7', 'POST /callbacks 200'),
  asks('one behind another', (app) => app.use('/hooks', pass, ok), 'POST /hooks', 'POST /hooks 200'),
  asks(
    'in a router',
    (app, { express }) => app.use('/api/:version', express.Router().use('/hooks', ok)),
    'POST /api/1/hooks/7',
    'POST /api/:version/hooks 200',
  ),
  asks(
    'in a sub-app',
    (app, { express }) => {
      const sub = express();
      sub.use('/hooks', ok);
      app.use('/admin', sub);
    },
    'POST /admin/hooks/7',
    'POST /admin/hooks 200',
  ),
  asks('with an error', (app) => app.use('/hooks', fails), 'POST /hooks/7', 'POST /hooks 500'),
  asks(
    'with an error, answered by an error handler',
    (app) => {
      app.use('/hooks', fails);
      app.use(answersErrors(503));
    },
    'POST /hooks/7',
    'POST /hooks 503',
  ),
  asks(
    'that lets the request pass, and then nothing',
    (app) => app.use('/hooks', pass),
    'POST /hooks/7',
    'POST __unmatched__ 404',
  ),
  asks(
    'that lets the request pass to a route',
    (app) => {
      app.use('/hooks', pass);
      app.post('/hooks/:id', ok);
    },
    'POST /hooks/7',
    'POST /hooks/:id 200',
  ),
  asks('at the root', (app) => app.use(ok), 'GET /anything/7', 'GET __unmatched__ 200'),
  asks('at the root, by name', (app) => app.use('/', ok), 'GET /anything/7', 'GET __unmatched__ 200'),
  asks(
    'at the root of a router',
    (app, { express }) => app.use('/api', express.Router().use(ok)),
    'GET /api/anything/7',
    'GET __unmatched__ 200',
  ),
];

const files: ConformanceCase[] = [
  asks(
    'express.static() at a path',
    (app, { express }) => app.use('/static', express.static(FOLDER)),
    'GET /static/page.txt',
    'GET /static 200',
  ),
  asks(
    'express.static(), HEAD',
    (app, { express }) => app.use('/static', express.static(FOLDER)),
    'HEAD /static/page.txt',
    'HEAD /static 200',
  ),
  asks(
    'express.static(), no such file',
    (app, { express }) => app.use('/static', express.static(FOLDER)),
    'GET /static/none.txt',
    'GET __unmatched__ 404',
  ),
  asks(
    'express.static() at the root: no series per file',
    (app, { express }) => app.use(express.static(FOLDER)),
    'GET /page.txt',
    'GET __unmatched__ 200',
  ),
  asks(
    'express.static() before a route',
    (app, { express }) => {
      app.use(express.static(FOLDER));
      app.get('/:page', ok);
    },
    'GET /7',
    'GET /:page 200',
  ),
  asks(
    'express.static(), out of its folder: 403',
    (app, { express }) => app.use('/static', express.static(FOLDER, { fallthrough: false })),
    'GET /static/..%2f..%2fetc%2fpasswd',
    'GET /static 403',
  ),
  asks(
    'express.static(), a folder: redirected',
    (app, { express }) => app.use('/static', express.static(FOLDER)),
    'GET /static',
    'GET /static 301',
  ),
];

export const middleware: Family = {
  name: 'middleware',
  cases: [...functions, ...files],
};
