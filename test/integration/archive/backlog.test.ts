// After an outage: what waited is drained beside what comes now; and what the disk refuses is archived from memory.
import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatSourceId } from '../../../src/archive/spool/source.ts';
import { inTransaction } from '../../../src/db/database.ts';
import { useArchiveSite } from '../../support/archive-site.ts';
import { createTestArchive, type TestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Archive, after an outage', function () {
  this.timeout(120_000);
  const site = useArchiveSite({ connections: 4 });

  const WIDE = `"filler":"${'x'.repeat(1500)}"`;
  const record = ({ tracker }: TestArchive, events: number, event = {}) =>
    tracker.record(...Array.from({ length: events }, () => event));

  /** Over 16 MB, in segments of 8 MB. */
  async function outage(made: TestArchive): Promise<number> {
    site.proxy.down();
    made.archive.start();
    await waitFor(() => made.archive.stats().state === 'degraded');
    await waitFor(
      () => {
        record(made, 1000, { metadata: WIDE });
        made.tracker.collect();
        return made.archive.stats().spoolBytes > 17_000_000;
      },
      { timeoutMs: 30_000 },
    );
    // What a slow disk has left with the tracker would come as events of later.
    const isTaken = () => {
      made.tracker.collect();
      const { spoolEvents, archived } = made.archive.stats();
      return spoolEvents + archived === made.tracker.recorded;
    };
    await waitFor(isTaken, { timeoutMs: 30_000 });
    return made.tracker.recorded;
  }

  async function countRows(sourceId: bigint): Promise<number> {
    const { rows } = await site.database.one<{ rows: number }>(
      'select count(*)::int as rows from keepwatch.observability_metrics where source_id = $1',
      [sourceId],
    );
    return rows;
  }

  it('archives what comes now while the backlog is held up, then the backlog, and closes the source that ended', async () => {
    const made = site.create({ cron: '* * * * * *' });
    const earlier = made.archive.sourceId;
    record(made, 1);
    await made.archive.flush();
    const waiting = await outage(made);
    let release = (): void => {};
    const held = inTransaction(site.database, async (transaction) => {
      await transaction.any('select from keepwatch.ledger where source_id = $1 for update', [earlier]);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    site.proxy.up();
    try {
      await waitFor(() => made.archive.sourceId !== earlier, { timeoutMs: 20_000, what: 'a new source' });
      const { failures } = made.archive.stats();
      record(made, 5);
      await waitFor(async () => (await countRows(made.archive.sourceId)) === 5, { timeoutMs: 20_000, what: 'live events' });
      assert.equal(made.archive.stats().failures, failures, 'before the backlog has given up waiting for the lock');
      assert.equal(await countRows(earlier), 1);
    } finally {
      release();
      await held;
    }
    await waitFor(() => made.archive.stats().archived === waiting + 5, { timeoutMs: 60_000 });
    await waitFor(() => site.database.oneOrNone('select true from keepwatch.sources where source_id = $1 and closed', [earlier]));
    await waitFor(() => made.archive.stats().state === 'ok', { timeoutMs: 20_000 });
    assert.ok(readdirSync(join(site.spoolDir, formatSourceId(earlier))).every((name) => !name.endsWith('.seg')));
    await made.archive.stop({ timeoutMs: 20_000 });
    assert.deepEqual([await countRows(earlier), await countRows(made.archive.sourceId)], [waiting, 5]);
    await site.assertProved();
  });

  it('says that the backlog hangs while live events are archived, long before its answer is given up', async () => {
    const made = site.create({ cron: '* * * * * *' });
    const earlier = made.archive.sourceId;
    const waiting = await outage(made);
    site.proxy.up();
    // Only the backlog sends so much.
    const stalled = site.proxy.breakAt({ from: 'client', bytes: 1_000_000, how: 'stall' });
    await waitFor(() => made.archive.sourceId !== earlier, { timeoutMs: 20_000, what: 'a new source' });
    await stalled;
    const isSaid = () => {
      record(made, 1);
      return made.archive.stats().reasons.find((reason) => reason.includes('earlier source'));
    };
    const reason = await waitFor(isSaid, { timeoutMs: 20_000, what: 'a reason' });
    assert.match(reason, /^Postgres, asked for events of an earlier source, has not answered for \d+ s$/);
    assert.ok((await countRows(made.archive.sourceId)) > 0);
    site.proxy.cut();
    await made.archive.stop({ timeoutMs: 60_000 });
    assert.equal(await countRows(earlier), waiting);
    await site.assertProved();
  });

  it('knows the source that ended before a row of the new one: the watermark speaks for both', async () => {
    const made = site.create({ cron: '* * * * * *' });
    const earlier = made.archive.sourceId;
    await outage(made);
    site.proxy.up();
    await waitFor(
      async () => {
        const { known, live } = await site.database.one<{ known: number; live: number }>(
          `select count(*) filter (where source_id = $1)::int as known, count(*) filter (where source_id <> $1 and low_watermark > started_at)::int as live
           from keepwatch.sources where source_id in ($1, $2)`,
          [earlier, made.archive.sourceId],
        );
        assert.ok(live === 0 || known === 1);
        return live === 1 && made.archive.sourceId !== earlier;
      },
      { timeoutMs: 60_000 },
    );
    await made.archive.stop({ timeoutMs: 30_000 });
    await site.assertProved();
  });

  it('does not rotate for what one run drains', async () => {
    const made = site.create({ cron: '* * * * * *' });
    const { sourceId } = made.archive;
    site.proxy.down();
    made.archive.start();
    await waitFor(() => made.archive.stats().state === 'degraded');
    record(made, 100);
    made.tracker.collect();
    site.proxy.up();
    await waitFor(() => made.archive.stats().archived === 100, { timeoutMs: 20_000 });
    assert.equal(made.archive.sourceId, sourceId);
    await made.archive.stop({ timeoutMs: 5000 });
  });

  it('flushes and stops with a backlog: all of it is committed', async () => {
    const made = site.create({ cron: '* * * * * *' });
    const earlier = made.archive.sourceId;
    const waiting = await outage(made);
    site.proxy.up();
    await waitFor(() => made.archive.sourceId !== earlier, { timeoutMs: 20_000 });
    record(made, 5);
    await made.archive.stop({ timeoutMs: 60_000 });
    assert.equal(made.archive.stats().spoolEvents, 0);
    assert.equal((await countRows(earlier)) + (await countRows(made.archive.sourceId)), waiting + 5);
    await site.assertProved();
  });

  for (const thread of ['main', 'worker'] as const) {
    it(`archives from memory what the disk refuses, and goes on with the disk when it is well (thread: ${thread})`, async () => {
      const made = createTestArchive(undefined, site.spoolDir, { connection: { url: site.url }, thread });
      rmSync(site.spoolDir, { recursive: true });
      writeFileSync(site.spoolDir, 'in its place');
      record(made, 1000);
      made.tracker.record({ lane: 'keep', status: 'failure' });
      await waitFor(async () => {
        await made.archive.flush();
        // A commit is told before what it held is let go.
        const { archived, spoolEvents } = made.archive.stats();
        return archived === 1001 && spoolEvents === 0;
      });
      assert.match(made.archive.stats().reasons.join(), /the spool cannot be written/);
      rmSync(site.spoolDir);
      await waitFor(async () => {
        record(made, 1);
        await made.archive.flush();
        return made.archive.stats().state === 'ok';
      });
      const { archived, dropped } = made.archive.stats();
      assert.equal(archived, made.tracker.recorded);
      assert.deepEqual(dropped, {});
      await made.archive.stop({ timeoutMs: 5000 });
      assert.equal(await countRows(made.archive.sourceId), made.tracker.recorded);
      await site.assertProved();
    });
  }
});
