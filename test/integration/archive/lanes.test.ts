// Failures and slow events travel in a lane of their own, beside the rest: each event once, and a watermark that speaks for both lanes.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { LANES } from '../../../src/event.ts';
import { silentLogger } from '../../../src/logger.ts';
import { useArchiveSite } from '../../support/archive-site.ts';
import { ArrayBatch } from '../../support/array-batch.ts';
import { createTestArchive, listWaiting, type TestArchive } from '../../support/test-archive.ts';

describe('Archive, two lanes', function () {
  this.timeout(30_000);
  const site = useArchiveSite();

  /** One event in each lane, both of the same moment. */
  function recordPair({ tracker }: TestArchive): number {
    const endMs = Date.now() - 1000;
    for (const lane of LANES) tracker.record({ lane, endMs });
    tracker.collect();
    return endMs;
  }

  /** What the database says at one moment. */
  function read({ archive }: TestArchive) {
    return site.database.one<{ rows: number; ids: number; watermark_ms: number }>(
      `select count(metrics.id)::int as rows, count(distinct metrics.id)::int as ids,
         coalesce((select extract(epoch from low_watermark)::float8 * 1000 from keepwatch.sources where source_id = $1), 0) as watermark_ms
       from keepwatch.observability_metrics as metrics where source_id = $1`,
      [archive.sourceId],
    );
  }

  it('archives each event once, with a ledger row for each lane', async () => {
    const made = createTestArchive(site.database, site.spoolDir);
    for (let pair = 0; pair < 500; pair++) recordPair(made);
    await made.archive.flush();
    const { rows, ids } = await read(made);
    assert.deepEqual({ rows, ids }, { rows: 1000, ids: 1000 });
    const ledger = await site.database.many<{ lane: string; recorded: string; archived: string }>(
      'select lane, recorded, archived from keepwatch.ledger where source_id = $1 order by lane',
      [made.archive.sourceId],
    );
    assert.deepEqual(ledger, [
      { lane: 'keep', recorded: '500', archived: '500' },
      { lane: 'rest', recorded: '500', archived: '500' },
    ]);
    await made.archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(listWaiting(site.spoolDir), []);
    await site.assertProved();
  });

  it('moves the watermark over no event of either lane that is not committed, wherever the connection is cut', async function () {
    this.timeout(60_000);
    let message = 0;
    let seenHalf = false;
    for (let wasCut = true; wasCut; message++) {
      const made = site.create({ now: () => Date.now() - 10_000 });
      const endMs = recordPair(made);
      wasCut = false;
      void site.proxy.lose('request', message).then(() => {
        wasCut = true;
      });
      await made.archive.flush();
      const { rows, watermark_ms } = await read(made);
      assert.ok(
        rows === 2 || watermark_ms <= endMs,
        `message ${message}: ${rows} rows, watermark ${watermark_ms - endMs} ms behind`,
      );
      seenHalf ||= rows === 1;
      site.proxy.up();
      await made.archive.flush();
      await made.archive.flush();
      const after = await read(made);
      assert.equal(after.rows, 2, `message ${message}`);
      assert.ok(after.watermark_ms > endMs, `message ${message}: the watermark stays behind`);
      await made.archive.stop({ timeoutMs: 5000 });
    }
    assert.ok(seenHalf && message > 10, `${message} messages were lost, and never one between the lanes`);
    await site.assertProved();
  });

  it('moves the watermark of a busy lane beside an idle one', async () => {
    const made = createTestArchive(site.database, site.spoolDir);
    for (const lane of LANES) {
      const endMs = Date.now();
      made.tracker.record({ lane, endMs });
      await new Promise((resolve) => setImmediate(resolve));
      await made.archive.flush();
      assert.ok((await read(made)).watermark_ms >= endMs, lane);
    }
    await made.archive.stop({ timeoutMs: 5000 });
  });

  it('takes a sink that is used in one lane only', async () => {
    const made = createTestArchive(site.database, site.spoolDir);
    const nowMs = Date.now();
    made.archive.sink.accept(new ArrayBatch([{ endMs: nowMs - 10 }], undefined, nowMs));
    made.tracker.sink = undefined;
    await made.archive.flush();
    const { rows, watermark_ms } = await read(made);
    assert.deepEqual({ rows, behindMs: Math.round(nowMs - watermark_ms) }, { rows: 1, behindMs: 0 });
    await made.archive.stop({ timeoutMs: 5000 });
  });

  it('drains both lanes of a dead process, and leaves the watermark where it was: who lives after all may hold what is older', async () => {
    const made = site.create();
    site.proxy.down();
    recordPair(made);
    await made.archive.stop({ timeoutMs: 2000 });
    const folder = site.folderOf(made);
    assert.deepEqual(readdirSync(folder), ['keep-0000000001.seg', 'rest-0000000001.seg', 'source.json']);
    const sourceFile = join(folder, 'source.json');
    writeFileSync(sourceFile, JSON.stringify({ ...(JSON.parse(readFileSync(sourceFile, 'utf8')) as object), pidStartTime: '1' }));
    const { database } = site;
    await drainLeftovers({ database, partitions: createPartitions(database), spoolDir: site.spoolDir, logger: silentLogger });
    assert.equal((await read(made)).rows, 2);
    const source = await site.database.one<{ moved: boolean; closed: boolean }>(
      'select low_watermark > started_at as moved, closed from keepwatch.sources where source_id = $1',
      [made.archive.sourceId],
    );
    assert.deepEqual(source, { moved: false, closed: true });
    await site.assertProved();
  });
});
