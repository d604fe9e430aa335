// 50 clients ask the API without a pause while 5,000 events a second come in: none of them is refused or gets an error, nothing is lost, and
// what is recorded is committed in the time that it takes without them. Both run in turns, in one process, as in an app that mounts the API.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import express from 'express';
import { median } from '../../bench/statistics.ts';
import { createArchiveQueries } from '../../src/archive/queries.ts';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { createApi } from '../../src/server/api.ts';
import { listen, type RunningServer } from '../../src/server/listen.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startProgram } from '../support/process.ts';
import { createSpoolDir, createTestArchive, type TestArchive } from '../support/test-archive.ts';
import type { ClientsReport } from './clients-report.ts';

/** `npm run test:api-load` asks for long turns, and only there is what they took compared. */
const LONG_FORM = process.env['API_LOAD_SECONDS'];
const TURN_MS = Number(LONG_FORM ?? 2) * 1000;
const PAIRS = LONG_FORM === undefined ? 1 : 5;
const RATE = 5000;
const TICK_MS = 10;
const MAX_RATIO = 1.05;
const NAMES = 200;

describe('50 clients of the API beside 5,000 events a second', function () {
  this.timeout(120_000 + PAIRS * TURN_MS * 10);
  const spool = createSpoolDir();
  let test: TestDatabase;
  let readers: Database;
  let server: RunningServer;
  let recorder: TestArchive;
  let load = 'off';

  before(async () => {
    test = await createTestDatabase();
    readers = createDatabase({ url: test.url, max: 4 });
    const app = express();
    const archive = createArchiveQueries(readers);
    app.use(
      '/api/v1',
      createApi({ archive, alerts: undefined, now: () => Date.now(), collectReasons: () => [] }, { read: [], write: [] }),
    );
    app.get('/load', (_request, response) => {
      response.send(load);
    });
    server = await listen(createServer(app), '127.0.0.1', 0);
    recorder = createTestArchive(undefined, spool.path, { connection: { url: test.url }, cron: '* * * * * *' });
    recorder.archive.start();
  });
  after(async () => {
    await server?.stop();
    await recorder?.archive.stop({ timeoutMs: 10_000 });
    if (readers !== undefined) await closeDatabase(readers);
    await test?.drop();
    spool.remove();
  });

  /** Records for a turn. @returns ms until all of it was committed */
  async function takeTurn(): Promise<number> {
    const startedAt = performance.now();
    let recorded = 0;
    for (let atMs = 0; atMs < TURN_MS; atMs = performance.now() - startedAt) {
      const due = Math.floor((Math.min(atMs, TURN_MS) / 1000) * RATE);
      const events = Array.from({ length: due - recorded }, (_, index) => toEvent(recorded + index));
      recorder.tracker.record(...events);
      recorder.tracker.collect();
      recorded = due;
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    recorder.tracker.record(...Array.from({ length: (TURN_MS / 1000) * RATE - recorded }, (_, index) => toEvent(index)));
    await recorder.archive.flush();
    return performance.now() - startedAt;
  }

  it('answers all of them, loses nothing, and does not slow what comes in', async () => {
    const clients = startProgram('test/endurance/programs/api-clients.ts', [server.url]);
    await clients.printed(/ready/);
    const ratios: number[] = [];
    await takeTurn();
    for (let pair = 0; pair < PAIRS; pair++) {
      const order = pair % 2 === 0 ? ['off', 'on'] : ['on', 'off'];
      const took: Record<string, number> = {};
      for (const turn of order) {
        load = turn;
        took[turn] = await takeTurn();
      }
      ratios.push((took['on'] ?? 0) / (took['off'] ?? 0));
    }
    load = 'off';
    assert.equal(await clients.end('SIGTERM', 60_000), 0);
    const line = clients.output().trim().split('\n').at(-1) ?? '';
    const { requests, failures } = JSON.parse(line) as ClientsReport;
    if (LONG_FORM !== undefined)
      console.log(
        `      ${requests} answers; turns beside them took ${ratios.map((r) => r.toFixed(3)).join(', ')} of the others`,
      );
    assert.deepEqual(failures, []);
    assert.ok(requests > 50, `${requests} requests`);
    const { rows } = await test.database.one<{ rows: string }>('select count(*) as rows from keepwatch.observability_metrics');
    assert.equal(Number(rows), recorder.tracker.recorded);
    if (LONG_FORM !== undefined) assert.ok(median(ratios) <= MAX_RATIO, `${median(ratios)} of the time without clients`);
  });
});

function toEvent(index: number) {
  const name = index % 3 === 0 ? 'GET /things/:id' : `name ${index % NAMES}`;
  return {
    series: { type: 'api', name, service: 'shop', metadata: '' } as const,
    status: index % 20 === 0 ? ('failure' as const) : ('success' as const),
    durationMs: (index * 7919) % 1000,
    metadata: `"user_id":${index % 50}`,
  };
}
