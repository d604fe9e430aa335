import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { drainSegments } from '../../../src/archive/drain/drain.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { listSegments, listSources } from '../../../src/archive/spool/spool-folder.ts';
import { silentLogger } from '../../../src/logger.ts';
import { useArchiveSite } from '../../support/archive-site.ts';
import { watchMachine } from '../../support/machine.ts';
import type { Loss } from '../../support/tcp-proxy.ts';
import { listWaiting, type TestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

/** The last COPY of a batch, of its rollups: when the server has it, it commits by itself. */
function lastCopy(): (chunk: Buffer) => boolean {
  let copies = 0;
  return (chunk) => {
    copies += chunk.toString('latin1').split('PGCOPY').length - 1;
    return copies >= 2;
  };
}

describe('Archive, exactly once', () => {
  const site = useArchiveSite();

  /** Three sealed segments of 100 events each, and nothing committed. */
  async function fillSpool({ archive, tracker }: TestArchive): Promise<void> {
    site.proxy.down();
    for (let segment = 0; segment < 3; segment++) {
      tracker.record(...Array.from({ length: 100 }, () => ({})));
      await archive.flush();
    }
    site.proxy.up();
  }

  async function flushAll({ archive }: TestArchive): Promise<void> {
    await waitFor(async () => {
      await archive.flush();
      return archive.stats().spoolEvents === 0;
    });
  }

  async function countRows({ archive }: TestArchive): Promise<number> {
    const { rows } = await site.database.one<{ rows: number }>(
      'select count(*)::int as rows from keepwatch.observability_metrics where source_id = $1',
      [archive.sourceId],
    );
    return rows;
  }

  it('loses and doubles nothing when the answer to COMMIT is lost', async () => {
    const made = site.create();
    await fillSpool(made);
    const cut = site.proxy.lose('answer', lastCopy());
    await made.archive.flush();
    await cut;
    // The first segment is committed, and nobody here knows.
    assert.equal(await countRows(made), 100);
    assert.equal(made.archive.stats().state, 'degraded');
    assert.equal(made.archive.stats().archived, 0);
    await flushAll(made);
    assert.equal(await countRows(made), 300);
    assert.equal(made.archive.stats().state, 'ok');
    await made.archive.stop({ timeoutMs: 5000 });
    await site.assertProved();
  });

  it('loses and doubles nothing when COMMIT arrives after it was given up', async () => {
    const made = site.create();
    await fillSpool(made);
    const cut = site.proxy.lose('late', lastCopy());
    await made.archive.flush();
    assert.equal(await countRows(made), 0);
    // The second attempt finds the mark unmoved, and has to wait for the first one's lock.
    await flushAll(made);
    await cut;
    assert.equal(await countRows(made), 300);
    await made.archive.stop({ timeoutMs: 5000 });
    await site.assertProved();
  });

  it('loses and doubles nothing wherever the connection is cut', async function () {
    this.timeout(60_000);
    const losses: Loss[] = ['request', 'answer'];
    for (const loss of losses) {
      let message = 0;
      for (let wasCut = true; wasCut; message++) {
        const made = site.create();
        await fillSpool(made);
        wasCut = false;
        void site.proxy.lose(loss, message).then(() => {
          wasCut = true;
        });
        await flushAll(made);
        assert.equal(await countRows(made), 300, `${loss} of message ${message}`);
        site.proxy.up();
        await made.archive.stop({ timeoutMs: 5000 });
      }
      assert.ok(message > 10, `only ${message} messages were lost`);
    }
    await site.assertProved();
  });

  it('loses and doubles nothing when backends are terminated at random moments', async function () {
    this.timeout(60_000);
    const made = site.create({ cron: '* * * * * *' });
    made.archive.start();
    const deadline = performance.now() + 40_000;
    let recorded = 0;
    let terminated = 0;
    while (terminated <= 20 && performance.now() < deadline) {
      made.tracker.record(...Array.from({ length: 200 }, () => ({})));
      recorded += 200;
      const flushed = made.archive.flush();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 12));
      const { killed } = await site.database.one<{ killed: number }>(
        `select count(pg_terminate_backend(pid))::int as killed from pg_stat_activity where datname = current_database() and client_port is not null
         and pid <> pg_backend_pid() and query ~* 'ledger|copy|begin|set local|commit'`,
      );
      terminated += killed;
      await flushed;
    }
    await flushAll(made);
    assert.ok(terminated > 20, `only ${terminated} backends were terminated`);
    assert.equal(await countRows(made), recorded);
    await made.archive.stop({ timeoutMs: 5000 });
    await site.assertProved();
  });

  it('lets two drainers with batches of different size work on one spool', async () => {
    const made = site.create();
    site.proxy.down();
    for (let batch = 0; batch < 40; batch++) {
      made.tracker.record(...Array.from({ length: 25 }, () => ({})));
      made.tracker.collect();
    }
    await made.archive.stop({ timeoutMs: 5000 });
    site.proxy.up();
    const [folder] = await listSources(site.spoolDir, Date.now());
    assert.ok(folder);
    const segments = await listSegments(folder.path);
    const drain = (batchRows: number) =>
      drainSegments(folder.source, 'rest', segments, {
        database: site.database,
        partitions: createPartitions(site.database),
        spoolDir: site.spoolDir,
        logger: silentLogger,
        batchRows,
      });
    const results = await Promise.all([drain(60), drain(100), drain(25)]);
    assert.deepEqual(
      results.map(({ isDone }) => isDone),
      [true, true, true],
    );
    assert.equal(await countRows(made), 1000);
    assert.deepEqual(listWaiting(site.spoolDir), []);
    await site.assertProved();
  });

  it('waits for Postgres when it is down at the start, and archives when it comes', async () => {
    site.proxy.down();
    const lines: string[] = [];
    const note = (_fields: object, message: string) => lines.push(message);
    const logger = { debug: note, info: note, warn: note, error: note };
    const made = site.create({ cron: '* * * * * *', logger });
    made.archive.start();
    made.tracker.record({}, {}, {});
    await waitFor(() => made.archive.stats().state === 'degraded');
    assert.match(made.archive.stats().reasons[0] ?? '', /^Postgres cannot be written: /);
    await waitFor(() => made.archive.stats().failures >= 2);
    site.proxy.up();
    await waitFor(() => made.archive.stats().archived === 3 && made.archive.stats().state === 'ok', { timeoutMs: 8000 });
    await made.archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(lines, ['archive degraded: events wait in the spool', 'archive recovered']);
  });

  it('stops in time when Postgres does not answer, with everything in the spool', async () => {
    const made = site.create();
    made.tracker.record({});
    await made.archive.flush();
    made.tracker.record({}, {});
    site.proxy.stall();
    const machine = watchMachine(() => site.database.any('select 1'));
    const startedMs = Date.now();
    await made.archive.stop({ timeoutMs: 300 });
    const tookMs = Date.now() - startedMs - machine.lateMs(startedMs, Date.now());
    await machine.stop();
    assert.ok(tookMs < 2000, `${tookMs} ms`);
    assert.deepEqual(
      listWaiting(site.spoolDir).map((path) => basename(path)),
      ['rest-0000000002.seg'],
    );
    const report = await site.verify();
    assert.equal(report.totals.queued, 2);
    site.proxy.cut();
    site.proxy.up();
  });
});
