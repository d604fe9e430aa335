import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { useArchiveSite } from '../../support/archive-site.ts';
import { createTestArchive, type TestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Archive, when the spool is unwell', () => {
  const site = useArchiveSite();

  function record({ tracker }: TestArchive, events: number): void {
    tracker.record(...Array.from({ length: events }, () => ({})));
  }

  /** Sealed segments of 10 blocks of 10 events. */
  async function fillSpool(made: TestArchive, segments: number): Promise<string[]> {
    site.proxy.down();
    for (let segment = 0; segment < segments; segment++) {
      for (let block = 0; block < 10; block++) {
        record(made, 10);
        made.tracker.collect();
      }
      await made.archive.flush();
    }
    site.proxy.up();
    const folder = sourceFolder();
    return readdirSync(folder).flatMap((name) => (name.endsWith('.seg') ? [join(folder, name)] : []));
  }

  function sourceFolder(): string {
    const name = readdirSync(site.spoolDir).find((entry) => entry !== 'suspect' && entry !== 'lost+found');
    return join(site.spoolDir, name ?? '');
  }

  async function assertProved({ archive }: TestArchive) {
    const report = await site.verify();
    assert.deepEqual(
      report.sources.flatMap((source) => source.problems),
      [],
    );
    const found = report.sources.find((source) => source.sourceId === String(archive.sourceId));
    assert.ok(found);
    return found;
  }

  it('counts the events of a damaged block, keeps its bytes, and archives the rest', async () => {
    const made = site.create();
    const [, second = ''] = await fillSpool(made, 3);
    const bytes = readFileSync(second);
    const third = nthBlock(bytes, 3);
    bytes[third + 100] = (bytes[third + 100] ?? 0) ^ 1;
    writeFileSync(second, bytes);
    const waiting = await assertProved(made);
    assert.deepEqual([waiting.recorded, waiting.queued, waiting.dropped], [300, 290, { damaged: 10 }]);
    await made.archive.flush();
    const source = await assertProved(made);
    assert.deepEqual([source.recorded, source.archived, source.dropped], [300, 290, { damaged: 10 }]);
    assert.deepEqual(made.archive.stats().dropped, { damaged: 10 });
    assert.equal(readdirSync(join(site.spoolDir, 'suspect')).length, 1);
    await made.archive.stop({ timeoutMs: 5000 });
  });

  it('counts the events of a segment that was cut short, and goes on', async () => {
    const made = site.create();
    const [, second = ''] = await fillSpool(made, 3);
    const bytes = readFileSync(second);
    writeFileSync(second, bytes.subarray(0, nthBlock(bytes, 8) + 20));
    await made.archive.flush();
    const source = await assertProved(made);
    assert.deepEqual([source.recorded, source.archived, source.dropped], [300, 270, { damaged: 30 }]);
    await made.archive.stop({ timeoutMs: 5000 });
  });

  it('counts the events of the last segment when its end cannot be read, also when no other event follows', async () => {
    const made = site.create();
    const [only = ''] = await fillSpool(made, 1);
    const bytes = readFileSync(only);
    writeFileSync(only, bytes.subarray(0, nthBlock(bytes, 8) + 20));
    await made.archive.stop({ timeoutMs: 5000 });
    const source = await assertProved(made);
    assert.deepEqual([source.recorded, source.archived, source.dropped, source.closed], [100, 70, { damaged: 30 }, true]);
  });

  it('sets a file aside that is no segment, and counts what it held', async () => {
    const made = site.create();
    const [first = ''] = await fillSpool(made, 2);
    writeFileSync(first, 'x'.repeat(1000));
    await made.archive.flush();
    const source = await assertProved(made);
    assert.deepEqual([source.recorded, source.archived, source.dropped], [200, 100, { damaged: 100 }]);
    assert.match(readdirSync(join(site.spoolDir, 'suspect'))[0] ?? '', /-rest-0000000001\.seg$/);
    await made.archive.stop({ timeoutMs: 5000 });
  });

  it('drops what comes when the spool is full, counts it to the event, and takes events again when it is drained', async () => {
    const made = site.create({ spoolMaxBytes: 1_000_000 });
    site.proxy.down();
    for (let batch = 0; batch < 100; batch++) {
      record(made, 100);
      made.tracker.collect();
      await made.archive.flush();
    }
    const { state, reasons, spoolBytes, spoolLimitBytes, spoolFreeBytes, dropped } = made.archive.stats();
    assert.equal(state, 'degraded');
    assert.ok(reasons.includes('the spool is almost full: events that neither failed nor were slow are dropped'));
    assert.ok(spoolBytes < 1_100_000, `${spoolBytes} bytes`);
    // What KeepwatchSpoolFilling of grafana/prometheus/rules goes by.
    assert.ok(spoolLimitBytes === 1_000_000 && spoolFreeBytes < 150_000, `${spoolFreeBytes} bytes are free`);
    assert.ok((dropped.spool_full ?? 0) > 0);
    site.proxy.up();
    await made.archive.flush();
    record(made, 1);
    await made.archive.flush();
    const source = await assertProved(made);
    assert.equal(source.recorded, 10_001);
    assert.equal(source.archived, 10_001 - (source.dropped['spool_full'] ?? 0));
    assert.equal(made.archive.stats().state, 'ok');
    await made.archive.stop({ timeoutMs: 5000 });
  });

  it('shares its bound with other processes, also while Postgres is away', async () => {
    const [one, other] = [site.create({ spoolMaxBytes: 1_000_000 }), site.create({ spoolMaxBytes: 1_000_000 })];
    site.proxy.down();
    for (const { archive } of [one, other]) archive.start();
    record(one, 10_000);
    one.tracker.collect();
    await one.archive.flush();
    await waitFor(() => other.archive.stats().spoolFreeBytes < 150_000);
    record(other, 100);
    await other.archive.flush();
    assert.equal(other.archive.stats().dropped.spool_full, 100);
    site.proxy.up();
    await one.archive.flush();
    await waitFor(() => other.archive.stats().spoolFreeBytes > 800_000);
    record(other, 100);
    await other.archive.flush();
    for (const made of [one, other]) {
      const source = await assertProved(made);
      assert.equal(source.archived, source.recorded - (source.dropped['spool_full'] ?? 0));
      await made.archive.stop({ timeoutMs: 5000 });
    }
  });

  it('keeps events in memory when the disk is full, drops what no longer fits, and goes on when there is room', async function () {
    this.timeout(20_000);
    const disk = join(site.spoolDir, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      this.skip();
    }
    try {
      const made = createTestArchive(site.proxied, disk, { maxQueueBytes: 500_000 });
      site.proxy.down();
      for (let batch = 0; batch < 100; batch++) {
        record(made, 100);
        made.tracker.collect();
        if (batch % 10 === 0) await made.archive.flush();
      }
      const { state, reasons, dropped, spoolEvents } = made.archive.stats();
      assert.equal(state, 'degraded');
      assert.match(reasons.join(), /the spool cannot be written: ENOSPC/);
      assert.ok((dropped.spool_error ?? 0) > 0);
      assert.equal(spoolEvents + (dropped.spool_error ?? 0), 10_000);
      site.proxy.up();
      await waitFor(async () => {
        await made.archive.flush();
        return made.archive.stats().spoolEvents === 0;
      });
      record(made, 1);
      await made.archive.flush();
      const report = await verifyArchive({ database: site.database, spoolDir: disk });
      assert.deepEqual(
        report.sources.flatMap((source) => source.problems),
        [],
      );
      const { archived } = made.archive.stats();
      assert.equal(archived, 10_001 - (made.archive.stats().dropped.spool_error ?? 0));
      assert.deepEqual(made.archive.stats().reasons, []);
      await made.archive.stop({ timeoutMs: 5000 });
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });

  it('keeps events in memory while its folder cannot be made', async () => {
    const blocked = join(site.spoolDir, 'blocked');
    writeFileSync(blocked, 'a file where the folder should be');
    const made = createTestArchive(site.proxied, blocked);
    record(made, 10);
    await made.archive.flush();
    assert.match(made.archive.stats().reasons.join(), /the spool cannot be written: (EEXIST|ENOTDIR)/);
    rmSync(blocked);
    await waitFor(async () => {
      await made.archive.flush();
      return made.archive.stats().archived === 10;
    });
    await made.archive.stop({ timeoutMs: 5000 });
  });
});

/** Where the nth block of a segment begins, counted from 1. */
function nthBlock(bytes: Buffer, number: number): number {
  let at = -1;
  for (let block = 0; block < number; block++) at = bytes.indexOf('KWBK', at + 1);
  return at;
}
