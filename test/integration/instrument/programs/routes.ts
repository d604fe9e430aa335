// Serves many kinds of mounts with the copy of Express that is named first, asks for the paths that follow, and prints the name under
// which each request was recorded, as JSON. Every app is fresh, so that no request profits of one before it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type express5 from 'express';
import { ObservabilityTracker } from '../../../../src/instrument/tracker.ts';
import { RecordingSink } from '../../../support/recording-sink.ts';
import { waitFor } from '../../../support/wait-for.ts';

const [copy = '', ...paths] = process.argv.slice(2);
const { default: express } = (await import(copy)) as { default: typeof express5 };
const isExpress4 = copy.startsWith('express4');

const ok: express5.RequestHandler = (_request, response) => void response.send('ok');
const fail: express5.RequestHandler = () => {
  throw new Error('failed');
};
const pass: express5.RequestHandler = (_request, _response, next) => next();

function leaves(): express5.Router {
  const router = express.Router();
  router.get('/', ok);
  router.get('/leaf/:leaf', ok);
  router.get('/fail/:leaf', fail);
  router.get('/async-fail', async (_request, _response, next) => next(new Error('rejected')));
  router.get('/not-found', (_request, _response, next) => next(Object.assign(new Error('none'), { status: 404 })));
  router.get(['/first', '/second/:n'], ok);
  router.get(/^\/digits-(\d+)$/, ok);
  router.get('/router', (_request, _response, next) => next('router'));
  return router;
}

function mounts(app: express5.Express): void {
  app.use('/plain', leaves());
  app.use('/plain/longer', leaves());
  app.use('/tenants/:tenant', leaves());
  app.use('/same/:a/:b', leaves());
  app.use(['/either/:x', '/or'], leaves());
  app.use([['/nested-array'], '/nested/:deep'] as unknown as string[], pass, [pass, leaves()]);
  app.use(/^\/version-(\d+)/, leaves());
  app.use('/trailing/', leaves());
  app.use(isExpress4 ? '/custom/:id(\\d+)' : '/part/:major.:minor', leaves());
  app.use(isExpress4 ? '/optional/:o?' : '/optional{/:o}', leaves());
  app.use(isExpress4 ? '/wild/*' : '/wild/*rest', leaves());
  const inner = express.Router({ mergeParams: true });
  inner.use('/orders/:order', leaves());
  inner.use((_request, response) => void response.status(404).send('nothing here'));
  app.use('/merged/:tenant', inner);
  const sub = express();
  sub.use('/deep/:d', leaves());
  const own = express();
  own.get('/boom/:id', fail);
  own.use(((_error, _request, response, _next) => void response.status(418).send('own')) as express5.ErrorRequestHandler);
  sub.use('/own/:o', own);
  app.use('/sub/:s', sub);
}

function others(app: express5.Express): void {
  const params = express.Router();
  params.param('id', (_request, _response, next, id) => next(id === 'bad' ? new Error('bad id') : undefined));
  params.get('/:id', ok);
  app.use('/params', params);
  app.route('/chain/:id').all(pass).get(ok).post(fail);
  app.get('/validated/:id', (request, response) => {
    Object.assign(request, { params: { id: 7 } });
    response.json(request.params);
  });
  app.get('/validated-error/:id', (request, _response, next) => {
    Object.assign(request, { params: { id: 7 } });
    next(new Error('invalid'));
  });
  app.get('/again/:id', (request, response) => {
    request.url = '/plain/leaf/1';
    (app as unknown as (...parameters: unknown[]) => void)(request, response);
  });
  app.get('/redirect/:id', (_request, response) => response.redirect('/'));
  app.get('/passed/:id', pass);
  app.get('/', pass);
  app.use('/function/:id', (request, response, next) => {
    if (request.params['id'] === 'pass') next();
    else if (request.params['id'] === 'fail') next(new Error('failed'));
    else response.send('ok');
  });
  app.use(['/odd', /^(\/odder|^\/oddest)/], leaves());
  app.use('/static', express.static(import.meta.dirname));
  app.get('/Cased/:id', ok);
  app.use(isExpress4 ? '/all/*' : '/all/{*rest}', pass);
}

async function nameOf(path: string): Promise<string> {
  const sink = new RecordingSink();
  const tracker = new ObservabilityTracker({ service: 'test' });
  tracker.connect(sink);
  const app = express();
  app.set('env', 'test');
  app.use(tracker.express());
  app.all(isExpress4 ? '*' : '/{*all}', pass);
  mounts(app);
  others(app);
  if (path.startsWith('/handled'))
    app.use(((_e, _q, response, _n) => void response.status(500).send()) as express5.ErrorRequestHandler);
  const server = createServer((request, response) => {
    // `/handled` chooses an error handler and is no part of the path.
    request.url = request.url?.replace('/handled', '') ?? '';
    app(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { redirect: 'manual' });
  await response.text();
  await waitFor(() => {
    tracker.flush();
    return sink.events.length > 0;
  });
  await new Promise((done) => server.close(done));
  return String(sink.events[0]?.metadata['http_route']);
}

const found: Record<string, string> = {};
for (const path of paths) found[path] = await nameOf(path);
process.stdout.write(`${JSON.stringify(found)}\n`);
