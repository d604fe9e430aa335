// What other processes left in the spool, dead or only taken for dead.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import type { Database } from '../../../src/db/database.ts';
import { silentLogger } from '../../../src/logger.ts';
import { useArchiveSite } from '../../support/archive-site.ts';
import { listWaiting, type TestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Archive, leftovers in the spool', function () {
  this.timeout(30_000);
  const site = useArchiveSite({ isDown: true });

  function record({ tracker }: TestArchive, events: number): void {
    tracker.record(...Array.from({ length: events }, () => ({})));
    tracker.collect();
  }

  const segmentsOf = (made: TestArchive) =>
    readdirSync(site.folderOf(made)).flatMap((name) =>
      /^rest-.*(seg|open)$/.test(name) ? [join(site.folderOf(made), name)] : [],
    );

  /** Rewrites source.json so that this process does not look like its owner. */
  function disown(made: TestArchive, changes: object): void {
    const path = join(site.folderOf(made), 'source.json');
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...changes }));
    utimesSync(path, 0, 0);
  }

  const drain = (database = site.database) =>
    drainLeftovers({ database, partitions: createPartitions(database), spoolDir: site.spoolDir, logger: silentLogger });

  async function verified({ archive }: TestArchive) {
    const report = await site.verify();
    const found = report.sources.find((source) => source.sourceId === String(archive.sourceId));
    assert.ok(found);
    assert.deepEqual(found.problems, []);
    return found;
  }

  it('tells the end of the last segment as unknown when it cannot be read', async () => {
    const made = site.create();
    record(made, 10);
    record(made, 10);
    await made.archive.stop({ timeoutMs: 2000 });
    const [segment = ''] = segmentsOf(made);
    const bytes = readFileSync(segment);
    writeFileSync(segment, bytes.subarray(0, bytes.indexOf('KWBK', bytes.indexOf('KWBK') + 1) + 100));
    disown(made, { pidStartTime: '1' });
    await drain();
    const { recorded, archived, unknownTailBytes, closed } = await verified(made);
    assert.deepEqual(
      { recorded, archived, unknownTailBytes, closed },
      { recorded: 10, archived: 10, unknownTailBytes: 100, closed: true },
    );
  });

  it('tells a last file that is no segment as unknown', async () => {
    const made = site.create();
    record(made, 10);
    await made.archive.flush();
    record(made, 10);
    await made.archive.stop({ timeoutMs: 2000 });
    writeFileSync(segmentsOf(made)[1] ?? '', 'x'.repeat(1000));
    disown(made, { pidStartTime: '1' });
    await drain();
    const { recorded, archived, unknownTailBytes } = await verified(made);
    assert.deepEqual({ recorded, archived, unknownTailBytes }, { recorded: 10, archived: 10, unknownTailBytes: 1000 });
  });

  it('counts a damaged block of a segment that was never sealed, and keeps its bytes', async () => {
    const made = site.create();
    for (let block = 0; block < 3; block++) record(made, 10);
    made.archive.appendSync();
    const [segment = ''] = segmentsOf(made);
    assert.match(segment, /\.open$/);
    const bytes = readFileSync(segment);
    const second = bytes.indexOf('KWBK', bytes.indexOf('KWBK') + 1);
    bytes[second + 100] = (bytes[second + 100] ?? 0) ^ 1;
    writeFileSync(segment, bytes);
    disown(made, { pidStartTime: '1' });
    await drain();
    const { recorded, archived, dropped, unknownTailBytes } = await verified(made);
    assert.deepEqual(
      { recorded, archived, dropped, unknownTailBytes },
      {
        recorded: 30,
        archived: 20,
        dropped: { damaged: 10 },
        unknownTailBytes: 0,
      },
    );
    assert.match(readdirSync(join(site.spoolDir, 'suspect'))[0] ?? '', /-rest-0000000001\.open\.\d+$/);
    await made.archive.stop({ timeoutMs: 100 });
  });

  it('loses nothing of a process that was taken for dead and goes on writing', async () => {
    const made = site.create();
    record(made, 10);
    await made.archive.flush();
    disown(made, { bootId: 'another boot' });
    let isSealing = true;
    const database = Object.assign(Object.create(site.database), {
      // Between the last commit and the removal of the folder its owner seals another segment.
      none: async (...given: Parameters<Database['none']>) => {
        if (isSealing && listWaiting(site.spoolDir).length === 0) {
          isSealing = false;
          record(made, 7);
          await made.archive.flush();
        }
        return await site.database.none(...given);
      },
    }) as Database;
    await drain(database);
    assert.equal(isSealing, false);
    site.proxy.up();
    record(made, 5);
    await made.archive.stop({ timeoutMs: 5000 });
    const { recorded, archived, dropped } = await verified(made);
    assert.deepEqual({ recorded, archived, dropped }, { recorded: 22, archived: 22, dropped: {} });
  });

  it('is open again when a neighbour whose clock is wrong has closed it, and closed when it stops', async () => {
    site.proxy.up();
    const made = site.create();
    const isClosed = () =>
      site.database.one<{ closed: boolean }>('select closed from keepwatch.sources where source_id = $1', [
        made.archive.sourceId,
      ]);
    record(made, 10);
    await made.archive.flush();
    disown(made, { bootId: 'another boot' });
    await drain();
    assert.deepEqual(await isClosed(), { closed: true });
    record(made, 5);
    await made.archive.flush();
    assert.deepEqual(await isClosed(), { closed: false });
    await made.archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(await isClosed(), { closed: true });
    const { recorded, archived } = await verified(made);
    assert.deepEqual({ recorded, archived }, { recorded: 15, archived: 15 });
  });

  it('shows that it lives while a run waits for a Postgres that hangs', async () => {
    site.proxy.up();
    const made = site.create({ cron: '* * * * * *' });
    record(made, 1);
    made.archive.start();
    await made.archive.flush();
    site.proxy.stall();
    void made.archive.flush();
    const path = join(site.folderOf(made), 'source.json');
    utimesSync(path, 0, 0);
    await waitFor(() => Date.now() - statSync(path).mtimeMs < 20_000, { timeoutMs: 15_000, what: 'a heartbeat' });
    site.proxy.cut();
    site.proxy.up();
    await made.archive.stop({ timeoutMs: 5000 });
  });
});
