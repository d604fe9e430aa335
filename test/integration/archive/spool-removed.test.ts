// A spool that somebody tidies away, and a database that answers too late: nothing is lost in silence, and /readyz says why.
import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useArchiveSite } from '../../support/archive-site.ts';
import type { TestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Archive, when its spool is removed', () => {
  const site = useArchiveSite();

  async function totalsOf({ archive }: TestArchive) {
    const report = await site.verify();
    const source = report.sources.find(({ sourceId }) => sourceId === String(archive.sourceId));
    assert.ok(source);
    assert.deepEqual(source.problems, []);
    return [source.recorded, source.archived, source.dropped];
  }

  const openSegments = () => readdirSync(site.spoolDir, { recursive: true }).filter((name) => String(name).endsWith('.open'));

  it('saves what the open segment held', async () => {
    const made = site.create();
    made.tracker.record({}, {}, {});
    made.tracker.collect();
    await waitFor(() => openSegments().length === 1);
    rmSync(site.spoolDir, { recursive: true });
    await made.archive.flush();
    made.tracker.record({});
    await made.archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(await totalsOf(made), [4, 4, {}]);
  });

  it('counts the events of sealed segments that are gone, also when no other event follows', async () => {
    const made = site.create();
    site.proxy.down();
    made.tracker.record({}, {}, {});
    await made.archive.flush();
    made.tracker.record({}, {});
    await made.archive.flush();
    assert.equal(made.archive.stats().spoolEvents, 5);
    const [folder = ''] = readdirSync(site.spoolDir);
    rmSync(join(site.spoolDir, folder, 'rest-0000000001.seg'));
    rmSync(join(site.spoolDir, folder, 'rest-0000000002.seg'));
    site.proxy.up();
    await made.archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(await totalsOf(made), [5, 0, { damaged: 5 }]);
    assert.equal(made.archive.stats().spoolEvents, 0);
  });

  it('blames the disk, not Postgres, while a file is in its place, and goes on when that is gone', async () => {
    const made = site.create();
    rmSync(site.spoolDir, { recursive: true });
    writeFileSync(site.spoolDir, 'in the way');
    made.tracker.record({}, {});
    await made.archive.flush();
    const { reasons } = made.archive.stats();
    assert.equal(reasons.length, 1);
    assert.match(reasons[0] ?? '', /^the spool cannot be written: ENOTDIR/);
    rmSync(site.spoolDir);
    await waitFor(async () => {
      await made.archive.flush();
      return made.archive.stats().archived === 2;
    });
    await made.archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(await totalsOf(made), [2, 2, {}]);
  });

  it('says that Postgres hangs long before its answer is given up, and seals in time when it is stopped meanwhile', async function () {
    this.timeout(20_000);
    const made = site.create();
    made.tracker.record({});
    await made.archive.flush();
    site.proxy.stall();
    const flushing = made.archive.flush();
    const reason = await waitFor(() => made.archive.stats().reasons[0], { timeoutMs: 8000 });
    assert.match(reason, /^Postgres has not answered for \d+ s$/);
    made.tracker.record({}, {});
    await made.archive.stop({ timeoutMs: 200 });
    const [source] = (await site.verify()).sources.filter(({ sourceId }) => sourceId === String(made.archive.sourceId));
    assert.deepEqual([source?.recorded, source?.archived, source?.queued], [3, 1, 2]);
    site.proxy.down();
    await flushing;
  });

  it('says when the clock is so far off that events are quarantined', async () => {
    const made = site.create({ now: () => Date.now() + 10 * 86_400_000 });
    made.tracker.record({ endMs: Date.now() + 10 * 86_400_000 });
    await made.archive.flush();
    const { reasons, quarantined } = made.archive.stats();
    assert.equal(quarantined, 1);
    assert.match(
      reasons[0] ?? '',
      /^the clock of this process is 14400 min ahead of that of Postgres: its events are quarantined/,
    );
    await made.archive.stop({ timeoutMs: 5000 });
  });
});
