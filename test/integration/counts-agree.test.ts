// What Prometheus scrapes and what the archive proves are the same numbers: in all, and for each series.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import express from 'express';
import { createKeepwatch } from '../../src/app.ts';
import { verifyArchive } from '../../src/archive/verify/verify.ts';
import { silentLogger } from '../../src/logger.ts';
import { listen } from '../../src/server/listen.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { createSpoolDir } from '../support/test-archive.ts';

/** More at once than the ring has places. */
const BURST = 12_000;

describe('counts in Prometheus and in the archive', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  after(async () => {
    await test.drop();
    spool.remove();
  });

  /** The sum of a metric's samples by the value of one label. */
  function sumBy(text: string, metric: string, label: string): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const line of text.split('\n')) {
      const [, labels = '', value = ''] = /^(?:[a-z_]+)(?:\{(.*)\})? ([0-9.e+]+)$/.exec(line) ?? [];
      if (!line.startsWith(`${metric}{`) && !line.startsWith(`${metric} `)) continue;
      const name = new RegExp(`${label}="([^"]*)"`).exec(labels)?.[1] ?? '';
      sums[name] = (sums[name] ?? 0) + Number(value);
    }
    return sums;
  }

  it('agree for each series, also where a burst was larger than the ring', async () => {
    const spoolDir = join(spool.path, 'app');
    const keepwatch = await createKeepwatch({ databaseUrl: test.url, spoolDir, logger: silentLogger });
    const { tracker } = keepwatch;
    const app = express();
    app.set('env', 'test');
    app.use(tracker.express());
    app.use(keepwatch.router());
    app.get('/things/:id', (request, response) => void response.sendStatus(request.params.id === '3' ? 500 : 200));
    const server = await listen(createServer(app), '127.0.0.1', 0);
    await keepwatch.start();
    const { url } = server;
    for (let id = 0; id < 30; id++) await fetch(`${url}/things/${id % 5}`);
    const search = tracker.track({ type: 'tool', name: 'search' }, () => 1);
    const fail = tracker.track({ type: 'tool', name: 'fail' }, () => {
      throw new Error('no');
    });
    for (let index = 0; index < BURST; index++) {
      if (index % 100 === 0) assert.throws(fail);
      else search();
    }
    for (let index = 0; index < 7; index++) await tracker.measure({ type: 'agent', name: 'support' }, () => Promise.resolve());
    const text = await (await fetch(`${url}/metrics`)).text();
    await server.stop();
    await keepwatch.stop();

    const report = await verifyArchive({ database: test.database, spoolDir, allSeries: true });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems.map(({ message }) => message)),
      [],
    );
    const recorded: Record<string, Record<string, number>> = {};
    for (const { type, name, recorded: events } of report.sources.flatMap(({ series }) => series)) {
      recorded[type] ??= {};
      recorded[type][name] = (recorded[type][name] ?? 0) + events;
    }
    assert.deepEqual(recorded['tool'], sumBy(text, 'tool_calls_total', 'tool_name'));
    assert.deepEqual(recorded['tool'], { fail: BURST / 100, search: BURST - BURST / 100 });
    assert.deepEqual(recorded['agent'], sumBy(text, 'agent_execution_total', 'agent_id'));
    const requests = sumBy(text, 'http_server_request_duration_seconds_count', 'http_route');
    assert.deepEqual(recorded['api'], { 'GET /things/:id': requests['/things/:id'] });
    assert.equal(report.totals.recorded, sumBy(text, 'keepwatch_events_recorded_total', 'none')['']);
    assert.equal(report.totals.seriesRecorded, report.totals.recorded);
    assert.ok(report.totals.dropped > 1000, `${report.totals.dropped} dropped`);
  });
});
