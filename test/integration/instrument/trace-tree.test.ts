// One request through two services, each with its Keepwatch, into one archive: the rows of its trace are one tree.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import pino from 'pino';
import { createKeepwatch, type Keepwatch } from '../../../src/app.ts';
import { silentLogger } from '../../../src/logger.ts';
import { listen, type RunningServer } from '../../../src/server/listen.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

interface Row {
  readonly service: string;
  readonly name: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_span_id: string | null;
}

const CALLER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const ROWS = `select service, name, trace_id, span_id, parent_span_id from keepwatch.events where span_id in (
  select encode(span_id, 'hex') from keepwatch.observability_metrics where trace_id = $<traceId>)`;

describe('a trace through two services', () => {
  let test: TestDatabase;
  let folder: string;
  const services: { readonly keepwatch: Keepwatch; readonly server: RunningServer }[] = [];
  const logged: string[] = [];

  async function open(service: string, routes: (app: express.Express, keepwatch: Keepwatch) => void) {
    const spoolDir = join(folder, service);
    const keepwatch = await createKeepwatch({ service, databaseUrl: test.url, spoolDir, logger: silentLogger });
    const app = express().use(keepwatch.tracker.express());
    routes(app, keepwatch);
    const server = await listen(createServer(app), '127.0.0.1', 0);
    await keepwatch.start();
    services.push({ keepwatch, server });
    return server;
  }

  before(async function () {
    this.timeout(60_000);
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-trace-'));
    const store = await open('store', (app, { tracker, logMixin }) => {
      const log = pino({ base: null, mixin: logMixin() }, { write: (line) => void logged.push(line) });
      const query = tracker.track({ type: 'db', name: 'find_order' }, async () => {
        log.info('found');
        return 'order';
      });
      app.get('/orders/:id', async (_request, response) => void response.send(await query()));
    });
    await open('shop', (app, { tracker }) => {
      const fetchOrder = tracker.track({ type: 'tool', name: 'fetch_order' }, async (id: string) => {
        return (await fetch(`${store.url}/orders/${id}`)).text();
      });
      app.get('/ask/:id', async ({ params }, response) => {
        const answers = await tracker.measure({ type: 'agent', name: 'clerk' }, () =>
          Promise.all([fetchOrder(params.id), fetchOrder('2')]),
        );
        response.json(answers);
      });
    });
  });
  after(async function () {
    this.timeout(20_000);
    for (const { server } of services) await server.stop();
    for (const { keepwatch } of services) await keepwatch.stop();
    await test?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function archived(headers: Record<string, string>): Promise<void> {
    const shop = services[1]?.server.url ?? '';
    assert.equal((await fetch(`${shop}/ask/1`, { headers })).status, 200);
    for (const { keepwatch } of services) await keepwatch.flush();
  }

  /** `name` of each row, with those of its ancestors before it. */
  function paths(rows: readonly Row[]): string[] {
    const pathOf = ({ service, name, parent_span_id }: Row): string => {
      const parent = rows.find((row) => row.span_id === parent_span_id);
      return `${parent === undefined ? '' : `${pathOf(parent)} > `}${service}: ${name}`;
    };
    return rows.map(pathOf).sort();
  }
  const AGENT = 'shop: GET /ask/:id > shop: clerk';
  const TREE = [
    'shop: GET /ask/:id',
    AGENT,
    ...Array.from({ length: 2 }, () => `${AGENT} > shop: fetch_order`),
    ...Array.from({ length: 2 }, () => `${AGENT} > shop: fetch_order > store: GET /orders/:id`),
    ...Array.from({ length: 2 }, () => `${AGENT} > shop: fetch_order > store: GET /orders/:id > store: find_order`),
  ].sort();

  it('is one tree of rows, below its caller, with the ids of the log lines', async function () {
    this.timeout(20_000);
    await archived({ traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-01` });
    const rows = await test.database.any<Row>(ROWS, { traceId: CALLER.traceId });
    assert.deepEqual(paths(rows), TREE);
    const roots = rows.filter((row) => !rows.some((other) => other.span_id === row.parent_span_id));
    assert.deepEqual(
      roots.map((row) => [row.name, row.parent_span_id]),
      [['GET /ask/:id', CALLER.spanId]],
    );
    assert.equal(new Set(rows.map((row) => row.span_id)).size, TREE.length);
    for (const row of rows) {
      assert.equal(row.trace_id, CALLER.traceId);
      assert.match(row.span_id, /^[0-9a-f]{16}$/);
    }
    const lines = logged.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>);
    const queries = rows.filter((row) => row.name === 'find_order').map((row) => `${row.trace_id} ${row.span_id}`);
    assert.deepEqual(lines.map((line) => `${String(line['trace_id'])} ${String(line['span_id'])}`).sort(), queries.sort());
  });

  it('has a root of its own when nobody called, and another one for each request', async function () {
    this.timeout(20_000);
    await archived({});
    await archived({});
    const roots = await test.database.any<Row>('select * from keepwatch.events where parent_span_id is null');
    assert.deepEqual(
      roots.map(({ name }) => name),
      ['GET /ask/:id', 'GET /ask/:id'],
    );
    assert.notEqual(roots[0]?.trace_id, roots[1]?.trace_id);
    for (const { trace_id: traceId } of roots) assert.deepEqual(paths(await test.database.any<Row>(ROWS, { traceId })), TREE);
  });
});
