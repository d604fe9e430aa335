// What clients do to other routes, or give up, changes nothing about a route: neither in Prometheus nor in SQL. Real Express, real
// traffic, the archive in real Postgres, the rules that ship.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { loadRules } from '../../../src/alerts/rule-file.ts';
import { loadSqlParser } from '../../../src/alerts/sql-parser.ts';
import { createKeepwatch, type Keepwatch } from '../../../src/app.ts';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';
import { silentLogger } from '../../../src/logger.ts';
import { firstData, head } from '../../support/measured-app.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';

/** How long the work of a route takes; every tenth request fails. */
const WORK_MS = 5;
/** What clients wait for before they give up, and how long streams live: far above the p95 of the routes. */
const LONG_MS = 300;
const REAL = ['GET /work/:id', 'POST /work/:id'];

interface RuleRow {
  readonly name: string;
  readonly events: string;
  readonly value: number;
}

describe('real routes beside aborted requests, streams and scans', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let folder: string;
  let keepwatch: Keepwatch;
  let server: Server;

  before(async () => {
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-routes-'));
    keepwatch = await createKeepwatch({ databaseUrl: test.url, spoolDir: folder, service: 'shop', logger: silentLogger });
    await keepwatch.start();
    const app = express();
    app.set('env', 'test');
    app.use(keepwatch.tracker.express());
    app.use(keepwatch.router());
    app.all('/work/:id', (request, response) => {
      const { id } = request.params;
      if (id === 'hangs') return;
      if (id === 'endless') response.write('first');
      else setTimeout(() => response.sendStatus(Number(id) % 10 === 0 ? 500 : 200), WORK_MS);
    });
    app.get('/events/:topic', (_request, response) => {
      response.type('text/event-stream').flushHeaders();
      setTimeout(() => response.end(), LONG_MS);
    });
    server = createServer(app);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await keepwatch.stop();
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (method: string, path: string) =>
    fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { method }).then((response) => response.text());

  /** Asks, waits, and leaves. */
  async function abort(path: string, when: 'before headers' | 'in the body'): Promise<void> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(head('GET', path));
    if (when === 'in the body') await firstData(socket);
    await new Promise((done) => setTimeout(done, LONG_MS));
    socket.resetAndDestroy();
  }

  /** What the shipped rules see of all routes, as of now. */
  async function rules(): Promise<Record<string, Record<string, RuleRow>>> {
    await keepwatch.flush();
    await loadSqlParser();
    const { groups } = loadRules(['rules/api.yaml'], PACKAGE_FOLDER);
    const found: Record<string, Record<string, RuleRow>> = {};
    for (const { name, compiled } of groups.flatMap((group) => group.rules)) {
      const rows = await test.database.any<RuleRow>(compiled.text, compiled.values(Date.now() + 1000));
      found[name] = Object.fromEntries(rows.map((row) => [row.name, row]));
    }
    return found;
  }

  /** Buckets and error counts of the real routes, as docs/metrics.md says that they are asked for. */
  async function samples(): Promise<string[]> {
    const text = await keepwatch.tracker.registry.metrics();
    return text
      .split('\n')
      .filter((line) => line.startsWith('http_server_request_duration_seconds_') && line.includes('http_route="/work/:id"'))
      .filter((line) => !line.includes('error_type="client_disconnect"'));
  }

  it('keeps p95 and error rate of every real route, to the last digit', async () => {
    for (let id = 1; id <= 60; id++) await Promise.all([ask('GET', `/work/${id}`), ask('POST', `/work/${id}`)]);
    const before = { rules: await rules(), samples: await samples() };
    assert.deepEqual(Object.keys(before.rules['SlowP95'] ?? {}).sort(), REAL);
    assert.equal(before.rules['HighErrorRate']?.['GET /work/:id']?.value, 0.1);

    await Promise.all([
      ...Array.from({ length: 15 }, () => abort('/work/hangs', 'before headers')),
      ...Array.from({ length: 15 }, () => abort('/work/endless', 'in the body')),
      ...Array.from({ length: 15 }, (_, id) => ask('GET', `/events/${id}`)),
      ...Array.from({ length: 100 }, (_, id) => ask('GET', `/wp-admin/${id}.php`)),
      ask('GET', '/metrics'),
    ]);
    await waitFor(() => keepwatch.tracker.counts().recorded === 120 + 15 + 15 + 15 + 100);

    const after = { rules: await rules(), samples: await samples() };
    for (const rule of ['HighErrorRate', 'SlowP95']) {
      for (const name of REAL) assert.deepEqual(after.rules[rule]?.[name], before.rules[rule]?.[name], `${rule} ${name}`);
    }
    assert.deepEqual(after.samples, before.samples);

    const stream = after.rules['SlowP95']?.['GET /events/:topic'];
    assert.ok(
      stream !== undefined && stream.value < LONG_MS / 2,
      `the p95 of the stream is its time to headers: ${stream?.value}`,
    );
    assert.equal(after.rules['SlowP95']?.['GET __unmatched__']?.events, '100');
    const totals = await test.database.one<{ rows: number; aborted: number }>(
      `select count(*)::int as rows, count(*) filter (where status = 'aborted')::int as aborted from keepwatch.observability_metrics where type = 'api'`,
    );
    assert.deepEqual(totals, { rows: 265, aborted: 30 }, 'nothing is left out of the archive');
    const text = await keepwatch.tracker.registry.metrics();
    const counts = text.split('\n').filter((line) => line.startsWith('http_server_request_duration_seconds_count'));
    assert.equal(
      counts.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0),
      265,
    );
  });
});
