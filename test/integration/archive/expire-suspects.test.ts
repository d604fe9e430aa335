// What damage leaves in suspect/ is kept for people, as long as raw events and in a share of the spool, and goes only when it was counted.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expireSuspects, type SuspectsReport } from '../../../src/archive/drain/expire-suspects.ts';
import { silentLogger } from '../../../src/logger.ts';
import { useArchiveSite } from '../../support/archive-site.ts';
import type { TestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

const DAY_MS = 86_400_000;
const KEEP_MS = 30 * DAY_MS;

describe('suspect/ of the spool', function () {
  this.timeout(30_000);
  const site = useArchiveSite();

  const suspects = () => readdirSync(join(site.spoolDir, 'suspect')).sort();
  const said: unknown[] = [];
  beforeEach(() => {
    said.length = 0;
  });

  function expire({ maxBytes = 1e9, daysLater = 0 } = {}): Promise<SuspectsReport> {
    const logger = { ...silentLogger, warn: (about: object) => said.push(about) };
    const nowMs = Date.now() + daysLater * DAY_MS;
    return expireSuspects({ database: site.database, spoolDir: site.spoolDir, maxBytes, keepMs: KEEP_MS, nowMs, logger });
  }

  /** Sealed segments of 100 events, of which some are damaged, and all are drained. */
  async function damage(made: TestArchive, segments: number, damaged: readonly number[]): Promise<void> {
    site.proxy.down();
    for (let segment = 0; segment < segments; segment++) {
      made.tracker.record(...Array.from({ length: 100 }, () => ({})));
      await made.archive.flush();
    }
    for (const number of damaged) {
      const path = join(site.folderOf(made), `rest-${String(number).padStart(10, '0')}.seg`);
      const bytes = readFileSync(path);
      // The first one is no segment any more; of the others a block cannot be read.
      if (number === 1) bytes.fill(7);
      else bytes.fill(7, 400, 440);
      writeFileSync(path, bytes);
    }
    site.proxy.up();
    await made.archive.flush();
  }

  it('keeps what is younger than raw events may be, and removes what is older and counted, and says so', async () => {
    const made = site.create();
    await damage(made, 4, [1, 2, 4]);
    assert.deepEqual(
      suspects()
        .map((name) => name.slice(17))
        .map((name) => name.slice(0, 19)),
      ['rest-0000000001.seg', 'rest-0000000002.seg', 'rest-0000000004.seg'],
    );
    const kept = await expire({ daysLater: 29 });
    assert.equal(kept.removed, 0);
    assert.ok(kept.bytes > 0);
    assert.deepEqual(said, []);

    const { removed, bytes } = await expire({ daysLater: 31 });
    assert.equal(removed, 2);
    assert.match(suspects().join(), /^[^,]*rest-0000000004\.seg[^,]*$/, 'the mark is not behind the last one yet');
    assert.ok(bytes > 0 && bytes < kept.bytes);
    assert.deepEqual(said, [
      { files: 2, bytes: kept.bytes - bytes, first: (said.at(0) as { first: string } | undefined)?.first },
    ]);
    await site.assertProved();

    // One event more, and what was lost before it is counted.
    made.tracker.record({});
    await made.archive.flush();
    assert.deepEqual(await expire({ daysLater: 31 }), { bytes: 0, removed: 1 });
    assert.deepEqual(suspects(), []);
    await site.assertProved();
    const { sources } = await site.verify();
    const own = sources.find(({ sourceId, lane }) => sourceId === String(made.archive.sourceId) && lane === 'rest');
    assert.deepEqual([own?.recorded, own?.archived, own?.dropped], [401, 101, { damaged: 300 }]);
    await made.archive.stop({ timeoutMs: 5000 });
  });

  it('keeps the damage at the end of a source until the source is closed and its folder gone', async () => {
    const made = site.create();
    await damage(made, 2, [2]);
    assert.equal((await expire({ daysLater: 31 })).removed, 0);
    await made.archive.stop({ timeoutMs: 5000 });
    const marks = await site.database.one<{ closed: boolean }>('select closed from keepwatch.sources where source_id = $1', [
      String(made.archive.sourceId),
    ]);
    assert.ok(marks.closed);
    // The retold counts may have moved the mark on: then it is counted, whatever becomes of the folder.
    const before = (await expire({ daysLater: 31 })).removed;
    rmSync(site.folderOf(made), { recursive: true, force: true });
    assert.equal(before + (await expire({ daysLater: 31 })).removed, 1);
    await site.assertProved();
  });

  it('removes the oldest until the rest has room, and leaves alone what is of no source', async () => {
    const made = site.create();
    await damage(made, 9, []);
    await made.archive.stop({ timeoutMs: 5000 });
    const source = site.folderOf(made).slice(-16);
    const folder = join(site.spoolDir, 'suspect');
    mkdirSync(join(folder, 'a-folder'), { recursive: true });
    writeFileSync(join(folder, `${source}-core.dump`), 'x'.repeat(100_000));
    writeFileSync(join(folder, '00ffffffffffffff-rest-0000000001.seg'), 'x'.repeat(20_000));
    symlinkSync('/etc/passwd', join(folder, `${source}-rest-0000000001.open`));
    const pieces = [3, 1, 2, 5, 4].map((segment) => `${source}-rest-000000000${segment}.seg.${segment}00`);
    let last = 0;
    for (const name of pieces) {
      // Each a little later than the one before, by the clock of the file system.
      await waitFor(() => Date.now() > last, { timeoutMs: 1000 });
      last = Date.now() + 5;
      writeFileSync(join(folder, name), 'x'.repeat(10_000));
    }
    const { removed, bytes } = await expire({ maxBytes: 35_000 });
    assert.deepEqual([removed, bytes], [2, 150_000], 'what was not counted takes nobody the room');
    const left = suspects();
    assert.deepEqual(
      left.filter((name) => name.includes('.seg.')),
      pieces.slice(2).sort(),
    );
    assert.equal(left.length, 3 + 4);
    assert.deepEqual(await expire({ maxBytes: 1_000_000 }), { bytes: 150_000, removed: 0 });
  });

  it('is looked after by a running archive, which counts what it removes', async () => {
    const first = site.create();
    await damage(first, 3, []);
    await first.archive.stop({ timeoutMs: 5000 });
    const source = site.folderOf(first).slice(-16);
    mkdirSync(join(site.spoolDir, 'suspect'), { recursive: true });
    for (let piece = 0; piece < 40; piece++)
      writeFileSync(join(site.spoolDir, 'suspect', `${source}-rest-0000000001.seg.${piece}`), 'x'.repeat(5000));
    const next = site.create({ spoolMaxBytes: 1_000_000 });
    next.archive.start();
    await waitFor(() => next.archive.stats().suspectsRemoved > 0, { timeoutMs: 10_000 });
    assert.deepEqual([next.archive.stats().suspectsRemoved, next.archive.stats().suspectBytes], [20, 100_000]);
    assert.equal(suspects().length, 20);
    await next.archive.stop({ timeoutMs: 5000 });
  });
});
