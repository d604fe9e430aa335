// The drain in a thread of its own: as exact as in ours, also when it dies; and nothing that keeps a process from ending.
import assert from 'node:assert/strict';
import type { Worker } from 'node:worker_threads';
import type { ArchiveOptions } from '../../../src/archive/archive.ts';
import { DrainThread } from '../../../src/archive/drain/drain-thread.ts';
import { formatSourceId } from '../../../src/archive/spool/source.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { watchMachine } from '../../support/machine.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { startProgram } from '../../support/process.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { createSpoolDir, createTestArchive, listWaiting, type TestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Archive, with a drain in a thread of its own', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let proxy: TcpProxy;
  let spool: ReturnType<typeof createSpoolDir>;
  let lines: string[];
  let workers: Worker[];
  const noteWorker = (worker: Worker) => workers.push(worker);
  before(async () => {
    test = await createTestDatabase();
    proxy = await TcpProxy.start(test.url);
    process.on('worker', noteWorker);
  });
  beforeEach(() => {
    spool = createSpoolDir();
    lines = [];
    workers = [];
    proxy.up();
  });
  afterEach(() => spool.remove());
  after(async () => {
    process.off('worker', noteWorker);
    await proxy.close();
    await test.drop();
  });

  const note = (_fields: object, message: string) => lines.push(message);
  const logger = { debug: note, info: note, warn: note, error: note };
  const create = (options: Partial<ArchiveOptions> = {}) =>
    createTestArchive(undefined, spool.path, { connection: { url: proxy.urlOf(test.url) }, logger, ...options });

  async function countRows({ archive }: TestArchive): Promise<number> {
    const { rows } = await test.database.one<{ rows: number }>(
      'select count(*)::int as rows from keepwatch.observability_metrics where source_id = $1',
      [archive.sourceId],
    );
    return rows;
  }

  async function assertProved(): Promise<void> {
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(
      report.sources.flatMap((source) => source.problems),
      [],
    );
  }

  const record = ({ tracker }: TestArchive, events: number) => tracker.record(...Array.from({ length: events }, () => ({})));

  it('archives, tells its numbers and log lines, and ends with the archive', async () => {
    const made = create();
    record(made, 500);
    made.tracker.record({ lane: 'keep', status: 'failure' }, { endMs: 0 });
    await made.archive.flush();
    const { archived, quarantined, batches, spoolEvents, state } = made.archive.stats();
    assert.deepEqual(
      { archived, quarantined, batches, spoolEvents, state },
      { archived: 501, quarantined: 1, batches: 2, spoolEvents: 0, state: 'ok' },
    );
    assert.equal(workers.length, 1);
    proxy.down();
    record(made, 1);
    await made.archive.flush();
    assert.match(made.archive.stats().reasons[0] ?? '', /^Postgres cannot be written: .*ECONN/);
    proxy.up();
    await waitFor(async () => {
      await made.archive.flush();
      return made.archive.stats().state === 'ok';
    });
    assert.deepEqual(lines, ['archive degraded: events wait in the spool', 'archive recovered']);
    await made.archive.stop({ timeoutMs: 5000 });
    assert.equal(workers[0]?.threadId, -1);
    assert.equal(await countRows(made), 502);
    await assertProved();
  });

  it('says the SQLSTATE of what Postgres refuses', async () => {
    const made = create();
    await test.database.none('alter table keepwatch.ledger rename to hidden');
    record(made, 1);
    await made.archive.flush();
    assert.match(made.archive.stats().reasons[0] ?? '', /ledger.* does not exist \(42P01\)/);
    await test.database.none('alter table keepwatch.hidden rename to ledger');
    await made.archive.stop({ timeoutMs: 5000 });
    assert.equal(await countRows(made), 1);
  });

  it('is started again when it dies, and loses and doubles nothing', async () => {
    // Started for its heartbeat alone: where a machine is slow, the lease of the source would lapse.
    const made = create();
    made.archive.start();
    await made.archive.flush();
    let recorded = 0;
    for (let round = 0; round < 8; round++) {
      record(made, 3000);
      recorded += 3000;
      const flushed = made.archive.flush();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      await workers.at(-1)?.terminate();
      await flushed;
    }
    await waitFor(async () => {
      await made.archive.flush();
      return made.archive.stats().spoolEvents === 0;
    });
    assert.ok(workers.length >= 4, `${workers.length} threads`);
    assert.equal(await countRows(made), recorded);
    assert.ok(lines.includes('the thread of the drain has ended; another one is started'));
    await made.archive.stop({ timeoutMs: 5000 });
    await assertProved();
  });

  it('stops in time when Postgres does not answer, with everything in the spool', async () => {
    const made = create();
    record(made, 1);
    await made.archive.flush();
    record(made, 2);
    proxy.stall();
    const machine = watchMachine(() => test.database.any('select 1'));
    const startedMs = Date.now();
    await made.archive.stop({ timeoutMs: 300 });
    const tookMs = Date.now() - startedMs - machine.lateMs(startedMs, Date.now());
    await machine.stop();
    assert.ok(tookMs < 2500, `${tookMs} ms`);
    assert.equal(listWaiting(spool.path).length, 1);
    assert.equal(workers[0]?.threadId, -1);
    proxy.cut();
  });

  it('runs in the thread of the app where its program is not to be found, and says so once', async () => {
    const settings = {
      url: test.url,
      applicationName: 'keepwatch',
      spoolDir: spool.path,
      spoolMaxBytes: 1e9,
      keepMs: undefined,
      keepRollupsMs: undefined,
      holder: formatSourceId(1n),
    };
    for (const program of [new URL('./none.js', import.meta.url), new URL('data:text/javascript,throw new Error("no")')]) {
      lines = [];
      const drain = new DrainThread({ settings, tell() {}, logger, program });
      const asked = drain.lookAfter({ own: [], closed: [] });
      await asked.catch(() => {});
      await drain.lookAfter({ own: [], closed: [] });
      await drain.stop();
      await drain.terminate();
      assert.deepEqual(lines, ['the drain cannot have a thread of its own, and runs in that of the app']);
    }
  });

  it('does not keep a process that has nothing more to do', async () => {
    const program = startProgram('test/e2e/programs/ends-by-itself.ts', [], {
      env: { DATABASE_URL: test.url, KEEPWATCH_SPOOL_DIR: spool.path, KEEPWATCH_SERVICE: 'short' },
    });
    assert.equal(await program.exited, 0, program.output());
    assert.match(program.output(), /flushed 3/);
    const { rows } = await test.database.one<{ rows: number }>(
      `select count(*)::int as rows from keepwatch.observability_metrics where service = 'short'`,
    );
    assert.ok(rows >= 3);
    // The last one is archived, or was written when the process ended.
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.equal(report.totals.queued + rows, 4);
  });
});
