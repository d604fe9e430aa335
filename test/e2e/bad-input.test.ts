// Whatever an app or its clients hand to Keepwatch: the app lives, each event that was accepted is a row or is counted, and the archive goes on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyArchive } from '../../src/archive/verify/verify.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type RunningProcess, startProgram } from '../support/process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { findTool } from '../support/tools.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_MS = 3_600_000;
const COUNTERS = ['recorded', 'archived', 'dropped', 'dead_lettered', 'quarantined', 'sampled_out'];

interface App extends RunningProcess {
  readonly url: string;
}

describe('bad input', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let folder: string;
  const apps: App[] = [];
  beforeEach(async () => {
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-bad-input-'));
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') for (const app of apps) process.stdout.write(app.output());
    await Promise.all(apps.splice(0).map((app) => app.end('SIGKILL')));
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startApp(url = test.url): Promise<App> {
    const env = {
      DATABASE_URL: url,
      KEEPWATCH_SPOOL_DIR: join(folder, 'spool'),
      KEEPWATCH_ARCHIVE_CRON: '* * * * * *',
      KEEPWATCH_LOG_LEVEL: 'warn',
    };
    const started = startProgram('test/e2e/programs/attacked.ts', [], { env });
    const app = { ...started, url: `http://127.0.0.1:${(await started.printed(/listening on (\d+)/))[1]}` };
    apps.push(app);
    return app;
  }

  async function get(app: App, path: string, init?: RequestInit): Promise<{ status: number; text: string }> {
    const response = await fetch(app.url + path, init);
    return { status: response.status, text: await response.text() };
  }

  async function readJson<T>(app: App, path: string): Promise<T> {
    return JSON.parse((await get(app, path)).text) as T;
  }

  const drained = async (app: App) => {
    const { archive } = await readJson<{ archive: { spoolEvents: number } }>(app, '/status');
    return archive.spoolEvents === 0;
  };

  async function countRows(where = 'true'): Promise<number> {
    const row = await test.database.one<{ rows: number }>(
      `select count(*)::int as rows from keepwatch.observability_metrics where ${where}`,
    );
    return row.rows;
  }

  /** Stops the app, and proves that what it recorded is accounted for. */
  async function stopAndVerify(app: App) {
    assert.equal(await app.end('SIGTERM'), 0, app.output());
    const report = await verifyArchive({ database: test.database, spoolDir: join(folder, 'spool') });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    return report.totals;
  }

  async function assertMetrics(app: App, expected: Record<string, RegExp>): Promise<void> {
    const { status, text } = await get(app, '/metrics');
    assert.equal(status, 200);
    for (const counter of COUNTERS) assert.match(text, new RegExp(`^# TYPE keepwatch_events_${counter}_total counter$`, 'm'));
    for (const [name, value] of Object.entries(expected)) assert.match(text, new RegExp(`^${name} ${value.source}$`, 'm'));
    const promtool = findTool('promtool');
    if (promtool !== undefined) assert.equal(execFileSync(promtool, ['check', 'metrics'], { input: text }).toString(), '');
  }

  it('survives every hostile value in every place of its interface; each becomes a bounded row', async () => {
    const app = await startApp();
    const { thrown } = await readJson<{ thrown: string[] }>(app, '/attack');
    assert.deepEqual(thrown, []);
    for (let index = 0; index < 25; index++) await get(app, `/throw/${index}`);
    await waitFor(() => drained(app), { timeoutMs: 15_000 });
    await assertMetrics(app, {
      keepwatch_events_dead_lettered_total: /0/,
      keepwatch_metadata_truncated_total: /[1-9]\d*/,
      'keepwatch_series_overflow_total{metric="tool_calls_total"}': /[1-9]\d*/,
    });
    assert.equal((await get(app, '/ok/afterwards')).status, 200);
    await waitFor(async () => (await countRows("name = 'GET /ok/:id'")) === 1);
    const totals = await stopAndVerify(app);
    assert.ok(totals.recorded > 10_200, `${totals.recorded}`);
    assert.deepEqual([totals.archived, totals.dropped, totals.deadLettered], [totals.recorded, 0, 0]);
    const [sizes] = await test.database.any<Record<string, number>>(
      `select max(length(name)) as name, max(length(error)) as error, max(length(metadata::text)) as metadata,
         count(*) filter (where metadata ? 'keepwatch.truncated')::int as truncated,
         count(*) filter (where metadata ? 'keepwatch.invalid_duration')::int as durations,
         count(*) filter (where metadata ? 'keepwatch.type')::int as types
       from keepwatch.observability_metrics`,
    );
    assert.ok(sizes && (sizes['name'] ?? 0) <= 200 && (sizes['error'] ?? 0) <= 1000 && (sizes['metadata'] ?? 0) < 10_000);
    for (const mark of ['truncated', 'durations', 'types']) assert.ok((sizes[mark] ?? 0) > 10, JSON.stringify(sizes));
  });

  it('survives what clients send, and keeps it out of the labels', async () => {
    const app = await startApp();
    const before = await countRows();
    const targets = [
      '/ids/%00',
      '/ids/%00%ff',
      '/ids/%ED%A0%80?name=a%00b',
      `/ids/${'x'.repeat(8000)}`,
      '/ids/__proto__',
      '//',
      '/%',
    ];
    for (const target of targets) await send(app, `GET ${target} HTTP/1.1`, `x: \x80\xff`, 'traceparent: 00-0-0-\xff');
    await send(app, 'PROPFIND /ids/1 HTTP/1.1', `traceparent: 00-${'f'.repeat(32)}-${'0'.repeat(16)}-01`);
    await send(app, 'GET * HTTP/1.1');
    await send(app, 'NONSENSE');
    await send(app, 'GET /ids/1 HTTP/1.1', 'x: a\0b');
    assert.equal((await get(app, '/ok/1')).status, 200);
    await waitFor(async () => (await drained(app)) && (await countRows()) > before + targets.length);
    await assertMetrics(app, { keepwatch_events_dead_lettered_total: /0/ });
    const { text } = await get(app, '/metrics');
    const routes = new Set([...text.matchAll(/http_route="([^"]*)"/g)].map(([, route]) => route));
    assert.deepEqual(routes, new Set(['/ids/:id', '/ok/:id', '__unmatched__', '/status']));
    const totals = await stopAndVerify(app);
    assert.equal(totals.archived, totals.recorded);
  });

  it('archives on while the wall clock is set back, days ahead, and right again', async () => {
    const app = await startApp();
    const archived = () => countRows("name = 'GET /ok/:id'");
    const quarantined = async () => (await test.database.any('select 1 from keepwatch.observability_quarantine')).length;
    for (const [round, shiftMs] of [0, -HOUR_MS / 2, -24 * HOUR_MS].entries()) {
      await get(app, `/shift?ms=${shiftMs}`);
      await get(app, '/ok/1');
      await waitFor(async () => (await archived()) === round + 1, { timeoutMs: 6000, what: `row ${round + 1}` });
    }
    await get(app, `/shift?ms=${240 * HOUR_MS}`);
    await new Promise((done) => setTimeout(done, 300)); // the process clock follows at its next tick
    await get(app, '/ok/2');
    await waitFor(async () => (await quarantined()) > 0, { timeoutMs: 6000, what: 'the event of another day to be set aside' });
    await waitFor(async () => /the clock of this process is 14400 min ahead/.test((await get(app, '/readyz')).text));
    await get(app, '/shift?ms=0');
    const known = await quarantined();
    await get(app, '/ok/3');
    await waitFor(async () => (await quarantined()) > known, { timeoutMs: 6000, what: 'the archive to go on' });
    await assertMetrics(app, { keepwatch_events_quarantined_total: /[1-9]\d*/ });
    const totals = await stopAndVerify(app);
    assert.equal(totals.archived + totals.quarantined, totals.recorded);
  });

  it('measures, serves and archives on when Object.prototype is polluted', async () => {
    const app = await startApp();
    await get(app, '/pollute');
    for (let index = 0; index < 5; index++) assert.equal((await get(app, `/ids/${index}`)).status, 200);
    await waitFor(async () => (await countRows("type = 'tool'")) === 5, { timeoutMs: 8000 });
    await get(app, '/metrics');
    await assertMetrics(app, { keepwatch_events_dead_lettered_total: /0/ });
    const rows = await test.database.any<{ status: string }>(
      "select distinct status from keepwatch.observability_metrics where type = 'api'",
    );
    assert.deepEqual(rows, [{ status: 'success' }]);
    const totals = await stopAndVerify(app);
    assert.equal(totals.archived, totals.recorded);
  });

  it('loses nothing when a handler exits the process, nor when it is stopped while Postgres is away; two share a spool', async () => {
    const proxy = await TcpProxy.start(test.url);
    try {
      const [first, second] = await Promise.all([startApp(proxy.urlOf(test.url)), startApp(proxy.urlOf(test.url))]);
      proxy.down();
      for (const app of [first, second]) for (let index = 0; index < 20; index++) await get(app, `/ok/${index}`);
      await assert.rejects(get(first, '/exit'));
      assert.equal(await first.exited, 7);
      assert.equal(await second.end('SIGTERM'), 0, second.output());
      assert.equal(await countRows(), 0);
      proxy.up();
      const next = await startApp(proxy.urlOf(test.url));
      await waitFor(async () => (await countRows()) === 41, { timeoutMs: 15_000, what: '41 rows' });
      assert.equal(await countRows("name = 'last words'"), 1);
      const totals = await stopAndVerify(next);
      assert.deepEqual([totals.archived, totals.duplicates], [totals.recorded, 0]);
    } finally {
      await proxy.close();
    }
  });
});

/** Sends a request as these bytes, and waits for the end of the answer. */
async function send(app: App, ...lines: string[]): Promise<void> {
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.end(Buffer.from(`${[...lines, 'host: x', 'connection: close'].join('\r\n')}\r\n\r\n`, 'latin1'));
  socket.resume();
  await once(socket, 'close');
}
