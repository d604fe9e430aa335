// Routes of one app: every way of writing a path, and what the URL may look like that matches it.
import { asks, type ConformanceCase, type Family } from '../conformance-case.ts';
import { ok } from '../handlers.ts';

const plain: ConformanceCase[] = [
  asks('the root', (app) => app.get('/', ok), 'GET /', 'GET / 200'),
  asks('a plain path', (app) => app.get('/plain', ok), 'GET /plain', 'GET /plain 200'),
  asks('a deep path', (app) => app.get('/a/b/c/d/e', ok), 'GET /a/b/c/d/e', 'GET /a/b/c/d/e 200'),
  asks('dots and dashes', (app) => app.get('/robots.txt', ok), 'GET /robots.txt', 'GET /robots.txt 200'),
  asks('a path in percent notation', (app) => app.get('/caf%C3%A9', ok), 'GET /caf%C3%A9', 'GET /caf%C3%A9 200'),
  asks('in capitals, case insensitive', (app) => app.get('/plain', ok), 'GET /PLAIN', 'GET /plain 200'),
  asks(
    'case sensitive routing, other case',
    (app, stage) => {
      app.set('case sensitive routing', true);
      stage.install(app);
      app.get('/Plain', ok);
    },
    'GET /plain',
    'GET __unmatched__ 404',
    { installs: 'by itself' },
  ),
  asks(
    'case sensitive routing, two routes',
    (app, stage) => {
      app.set('case sensitive routing', true);
      stage.install(app);
      app.get('/Plain', ok);
      app.get('/plain', ok);
    },
    ['GET /plain', 'GET /Plain'],
    ['GET /plain 200', 'GET /Plain 200'],
    { installs: 'by itself' },
  ),
  asks('a slash more at the end', (app) => app.get('/plain', ok), 'GET /plain/', 'GET /plain 200'),
  asks(
    'strict routing, a slash more',
    (app, stage) => {
      app.set('strict routing', true);
      stage.install(app);
      app.get('/plain', ok);
    },
    'GET /plain/',
    'GET __unmatched__ 404',
    { installs: 'by itself' },
  ),
  asks('a double slash is another path', (app) => app.get('/plain', ok), 'GET //plain', 'GET __unmatched__ 404'),
  asks('an absolute URL', (app) => app.get('/plain', ok), 'GET http://conformance/plain', 'GET /plain 200'),
];

const queries: ConformanceCase[] = [
  asks('a query string', (app) => app.get('/search', ok), 'GET /search?q=secret', 'GET /search 200'),
  asks('an empty query string', (app) => app.get('/search', ok), 'GET /search?', 'GET /search 200'),
  asks('a query string with slashes', (app) => app.get('/search', ok), 'GET /search?next=/a/b', 'GET /search 200'),
  asks('a query string behind the root', (app) => app.get('/', ok), 'GET /?token=secret', 'GET / 200'),
  asks('a question mark in percent notation', (app) => app.get('/:name', ok), 'GET /what%3Fq=1', 'GET /:name 200'),
  asks(
    'many query strings, one series',
    (app) => app.get('/search', ok),
    Array.from({ length: 5 }, (_, index) => `GET /search?q=${index}`),
    Array.from({ length: 5 }, () => 'GET /search 200'),
  ),
];

const parameters: ConformanceCase[] = [
  asks('a number', (app) => app.get('/users/:id', ok), 'GET /users/42', 'GET /users/:id 200'),
  asks('a word', (app) => app.get('/users/:id', ok), 'GET /users/alice', 'GET /users/:id 200'),
  asks('a value like the path', (app) => app.get('/users/:id', ok), 'GET /users/users', 'GET /users/:id 200'),
  asks('a value like its name', (app) => app.get('/users/:id', ok), 'GET /users/:id', 'GET /users/:id 200'),
  asks('an encoded slash', (app) => app.get('/users/:id', ok), 'GET /users/a%2Fb', 'GET /users/:id 200'),
  asks('an encoded percent sign', (app) => app.get('/users/:id', ok), 'GET /users/100%25', 'GET /users/:id 200'),
  asks('a value in UTF-8', (app) => app.get('/users/:id', ok), 'GET /users/%E2%9C%93', 'GET /users/:id 200'),
  asks('a value of 4 kB', (app) => app.get('/users/:id', ok), `GET /users/${'x'.repeat(4096)}`, 'GET /users/:id 200'),
  asks('two parameters', (app) => app.get('/a/:x/b/:y', ok), 'GET /a/1/b/2', 'GET /a/:x/b/:y 200'),
  asks('two parameters, same value', (app) => app.get('/a/:x/b/:y', ok), 'GET /a/1/b/1', 'GET /a/:x/b/:y 200'),
  asks('two parameters in a segment', (app) => app.get('/:from-:to', ok), 'GET /1-2', 'GET /:from-:to 200'),
  asks('a parameter with a suffix', (app) => app.get('/files/:name.json', ok), 'GET /files/7.json', 'GET /files/:name.json 200'),
  asks('a parameter at the root', (app) => app.get('/:page', ok), 'GET /7', 'GET /:page 200'),
  asks(
    'a parameter, answered with 404',
    (app) => app.get('/users/:id', (_q, r) => void r.sendStatus(404)),
    'GET /users/42',
    'GET /users/:id 404',
  ),
  asks(
    'a fixed path before a parameter',
    (app) => {
      app.get('/users/me', ok);
      app.get('/users/:id', ok);
    },
    ['GET /users/me', 'GET /users/42'],
    ['GET /users/me 200', 'GET /users/:id 200'],
  ),
  asks(
    'many values, one series',
    (app) => app.get('/users/:id', ok),
    Array.from({ length: 5 }, (_, index) => `GET /users/${index}`),
    Array.from({ length: 5 }, () => 'GET /users/:id 200'),
  ),
  asks('a parameter with a pattern', (app) => app.get('/users/:id(\\d+)', ok), 'GET /users/42', 'GET /users/:id(\\d+) 200', {
    only: ['4'],
  }),
  asks('a quoted parameter name', (app) => app.get('/users/:"user-id"', ok), 'GET /users/42', 'GET /users/:"user-id" 200', {
    only: ['5.2', '5.3'],
  }),
];

const patterns: ConformanceCase[] = [
  asks(
    'an optional segment, given',
    (app, stage) => app.get(stage.pick('/list/:page?', '/list{/:page}'), ok),
    'GET /list/2',
    (version) => [version === '4' ? 'GET /list/:page? 200' : 'GET /list{/:page} 200'],
  ),
  asks(
    'an optional segment, left out',
    (app, stage) => app.get(stage.pick('/list/:page?', '/list{/:page}'), ok),
    'GET /list',
    (version) => [version === '4' ? 'GET /list/:page? 200' : 'GET /list{/:page} 200'],
  ),
  asks(
    'a wildcard',
    (app, stage) => app.get(stage.pick('/files/*', '/files/*path'), ok),
    'GET /files/a/b/7.txt',
    (version) => [version === '4' ? 'GET /files/* 200' : 'GET /files/*path 200'],
  ),
  asks(
    'a wildcard for all',
    (app, stage) => app.get(stage.pick('*', '/*path'), ok),
    'GET /what/ever/7',
    (version) => [version === '4' ? 'GET * 200' : 'GET /*path 200'],
  ),
  asks(
    'a wildcard between segments',
    (app, stage) => app.get(stage.pick('/a/*/z', '/a/*middle/z'), ok),
    'GET /a/b/c/z',
    (version) => [version === '4' ? 'GET /a/*/z 200' : 'GET /a/*middle/z 200'],
  ),
  asks('a regular expression', (app) => app.get(/^\/report-(\d+)$/, ok), 'GET /report-12', 'GET /^\\/report-(\\d+)$/ 200'),
  asks(
    'a regular expression with flags',
    (app) => app.get(/^\/report-([a-f]+)$/i, ok),
    'GET /REPORT-AF',
    'GET /^\\/report-([a-f]+)$/i 200',
  ),
  asks(
    'a regular expression with names',
    (app) => app.get(/^\/(?<year>\d{4})$/, ok),
    'GET /2026',
    'GET /^\\/(?<year>\\d{4})$/ 200',
  ),
  asks('an array of paths', (app) => app.get(['/one', '/two'], ok), ['GET /one', 'GET /two'], ['GET /one 200', 'GET /two 200']),
  asks('an array with parameters', (app) => app.get(['/people/:id', '/users/:id'], ok), 'GET /users/42', 'GET /users/:id 200'),
  asks('an array with a regular expression', (app) => app.get(['/v1', /^\/v(\d+)$/], ok), 'GET /v22', 'GET /^\\/v(\\d+)$/ 200'),
];

const declarations: ConformanceCase[] = [
  asks(
    'app.route() with two methods',
    (app) =>
      app
        .route('/books/:id')
        .get(ok)
        .delete((_q, r) => void r.sendStatus(204)),
    ['GET /books/1', 'DELETE /books/1'],
    ['GET /books/:id 200', 'DELETE /books/:id 204'],
  ),
  asks('app.all()', (app) => app.all('/any/:id', ok), ['GET /any/1', 'PUT /any/1'], ['GET /any/:id 200', 'PUT /any/:id 200']),
  asks('several handlers', (app) => app.get('/chain/:id', (_q, _r, next) => next(), ok), 'GET /chain/1', 'GET /chain/:id 200'),
  asks(
    'an array of handlers',
    (app) => app.get('/chain/:id', [(_q: unknown, _r: unknown, next: () => void) => next(), ok]),
    'GET /chain/1',
    'GET /chain/:id 200',
  ),
  asks(
    'an asynchronous handler',
    (app) =>
      app.get('/later/:id', async (_request, response) => {
        await new Promise((resolve) => setImmediate(resolve));
        response.send('ok');
      }),
    'GET /later/1',
    'GET /later/:id 200',
  ),
  asks(
    'a route added while the app runs',
    (app) =>
      app.get('/grow', (_request, response) => {
        app.get('/grown/:id', ok);
        response.send('ok');
      }),
    ['GET /grow', 'GET /grown/1'],
    ['GET /grow 200', 'GET /grown/:id 200'],
  ),
  asks(
    'a URL rewritten by middleware',
    (app) => {
      app.use((request, _response, next) => {
        request.url = request.url.replace(/^\/old/, '/new');
        next();
      });
      app.get('/new/:id', ok);
    },
    'GET /old/1',
    'GET /new/:id 200',
  ),
];

export const routes: Family = { name: 'routes', cases: [...plain, ...queries, ...parameters, ...patterns, ...declarations] };
