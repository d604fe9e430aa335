// An Express app that a scanner has found: every request asks for a path that nobody asked for before, some with odd methods. At the end it
// reports what that has cost. Argument: how many requests.
import { createServer } from 'node:http';
import express5, { type Express, type Request, type Response } from 'express';
import express4 from 'express4';
import express52 from 'express5-2';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { CountingSink, reportFlood, usedBytes } from '../../support/flood.ts';
import { sendInProcess } from '../../support/in-process-http.ts';

const requests = Number(process.argv[2]);
const WARM_UP = 3000;
const LATE = 6;
const METHODS = ['GET', 'GET', 'GET', 'POST', 'DELETE', 'PROPFIND', 'M-SEARCH', 'REBIND'];

const tracker = new ObservabilityTracker({ service: 'flood' });
const sink = new CountingSink();
tracker.connect(sink);
tracker.start();

/** Some requests are answered by routes: under a mount with a parameter, and under a pattern. Express 5.2 tells nobody of either, so there both are guessed. */
function createApp(express: typeof express5): Express {
  const app = express();
  app.set('env', 'test');
  app.disable('x-powered-by');
  app.use(tracker.express());
  const answer = (_request: Request, response: Response) => void response.status(204).end();
  const items = express.Router();
  items.all('/items/:item', answer);
  app.all('/users/:id', answer);
  app.use('/tenants/:tenant', items);
  app.use(/\/any\w+/, items);
  app.get('/late/:id', answer);
  return app;
}

const servers = [express5, express52, express4].map((express) => createServer(createApp(express)));
for (const server of servers) server.keepAliveTimeout = 0;

/** Nobody asked for it before: `round` and `index` make it so. */
function hostileRequest(round: number, index: number): string {
  const text = ((index + 1) * 2_654_435_761 * round).toString(36);
  const paths = [
    `/${text}`,
    `/${text}/wp-admin.php?x=${text}`,
    `/users/${text}`,
    `/tenants/${text}/items/${text}`,
    `/any${text}/items/7`,
  ];
  return `${METHODS[index % METHODS.length]} ${paths[index % paths.length]} HTTP/1.1\r\nHost: x\r\n\r\n`;
}

async function sendToAll(count: number, request: (index: number) => string): Promise<void> {
  for (const server of servers) await sendInProcess(server, count / servers.length, request);
  tracker.flush();
}

const warmPaths = ['/warm', '/users/1', '/tenants/1/items/1', '/anywarm/items/1'];
await sendToAll(WARM_UP, (index) => `${METHODS[index % METHODS.length]} ${warmPaths[index % 4]} HTTP/1.1\r\nHost: x\r\n\r\n`);
const before = await usedBytes();
const startedAt = performance.now();
await sendToAll(requests, (index) => hostileRequest(1, index));
const seconds = (performance.now() - startedAt) / 1000;
const grownBytes = (await usedBytes()) - before;
await sendToAll(LATE, (index) => `GET /late/${index} HTTP/1.1\r\nHost: x\r\n\r\n`);

const late = '{http_request_method="GET",http_route="/late/:id",http_response_status_code="204",error_type=""}';
await reportFlood(tracker, sink, {
  executions: WARM_UP + requests + LATE,
  grownBytes,
  seconds,
  declared: [['http_server_request_duration_seconds', late]],
});
process.exit();
