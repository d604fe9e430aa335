// The lane of log lines beside those of events: whatever becomes of it, events, their watermark and their sources go on.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { useArchiveSite } from '../../support/archive-site.ts';
import { disown, drain } from '../../support/erase-site.ts';
import { batchOf, lineOf } from '../../support/log-lines.ts';
import { listWaiting } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('the lane of log lines', function () {
  this.timeout(30_000);
  const site = useArchiveSite();
  const hide = () => site.database.none('alter table keepwatch.observability_logs rename to hidden_logs');
  const show = () => site.database.none('alter table keepwatch.hidden_logs rename to observability_logs');
  const isClosed = async (sourceId: bigint) =>
    (await site.database.one<{ closed: boolean }>('select closed from keepwatch.sources where source_id = $1', [sourceId]))
      .closed;
  const countRows = async () =>
    await site.database.one<{ events: number; lines: number }>(
      `select (select count(*)::int from keepwatch.observability_metrics) as events,
         (select count(*)::int from keepwatch.observability_logs) as lines`,
    );

  it('closes a source that has ended when its events are in, so that no rule waits for its lines', async () => {
    let monotonicMs = 0;
    const test = site.create({ leaseClock: { monotonicMs: () => monotonicMs, wallMs: () => Date.now() } });
    const { archive, tracker } = test;
    const before = await countRows();
    const ended = archive.sourceId;
    await hide();
    tracker.record({});
    archive.sink.accept(batchOf([lineOf('a'), lineOf('b')]));
    await archive.flush();
    monotonicMs += 60_000;
    tracker.record({});
    await archive.flush();
    assert.notEqual(archive.sourceId, ended);
    assert.equal(await isClosed(ended), true);
    assert.equal(await isClosed(archive.sourceId), false);
    assert.match(archive.stats().reasons.join(), /log lines wait/);
    assert.deepEqual(listWaiting(site.spoolDir).filter((name) => name.includes('logs-')).length, 1);
    await show();
    await archive.flush();
    await archive.flush();
    assert.deepEqual(await countRows(), { events: before.events + 2, lines: before.lines + 2 });
    assert.deepEqual(listWaiting(site.spoolDir), []);
    await archive.stop({ timeoutMs: 2000 });
    await site.assertProved();
  });

  it('of a dead process waits for its table, while its events do not', async () => {
    site.proxy.down();
    const test = site.create();
    const { archive, tracker } = test;
    const before = await countRows();
    tracker.record({}, {});
    archive.sink.accept(batchOf([lineOf('a')]));
    await archive.flush();
    const { sourceId } = archive;
    const folder = site.folderOf(test);
    await archive.stop({ timeoutMs: 100 });
    disown(site.spoolDir, test);
    await hide();
    await drain(site.database, site.spoolDir);
    await show();
    assert.deepEqual(await countRows(), { events: before.events + 2, lines: before.lines });
    assert.equal(await isClosed(sourceId), true);
    assert.ok(existsSync(folder));
    await drain(site.database, site.spoolDir);
    assert.deepEqual(await countRows(), { events: before.events + 2, lines: before.lines + 1 });
    assert.deepEqual(listWaiting(site.spoolDir), []);
    await site.assertProved();
  });

  for (const loss of ['request', 'answer', 'late'] as const) {
    it(`loses and doubles no line when the ${loss === 'late' ? 'client gives up before the answer' : `${loss} of a commit is lost`}`, async () => {
      const { archive } = site.create();
      const before = await countRows();
      site.proxy.down();
      for (let segment = 0; segment < 3; segment++) {
        archive.sink.accept({
          ...batchOf([lineOf('a'), lineOf('b')]),
          counts: { recorded: 2 * segment + 2, sampledOut: 0, dropped: {} },
        });
        await archive.flush();
      }
      site.proxy.up();
      const cut = site.proxy.lose(loss, (chunk) => chunk.includes('PGCOPY'));
      await archive.flush();
      await cut;
      await waitFor(async () => {
        await archive.flush();
        return archive.stats().logs.spooled === 0;
      });
      assert.deepEqual(await countRows(), { ...before, lines: before.lines + 6 });
      await archive.stop({ timeoutMs: 2000 });
      await site.assertProved();
    });
  }

  it('moves no watermark and adds to no rollup', async () => {
    const { archive, tracker } = site.create();
    const { rows } = await site.database.one<{ rows: number }>('select count(*)::int as rows from keepwatch.rollup_deltas');
    tracker.record({ endMs: Date.now() - 5000 });
    await archive.flush();
    const watermark = async () =>
      (
        await site.database.one<{ low_watermark: Date }>('select low_watermark from keepwatch.sources where source_id = $1', [
          archive.sourceId,
        ])
      ).low_watermark.getTime();
    const atMs = await watermark();
    site.proxy.down();
    archive.sink.accept({ ...batchOf([lineOf('a')]), lowWatermarkMs: Date.now() + 3_600_000 });
    site.proxy.up();
    await archive.flush();
    assert.ok((await watermark()) <= Date.now() && (await watermark()) >= atMs);
    const after = await site.database.one<{ rows: number }>('select count(*)::int as rows from keepwatch.rollup_deltas');
    assert.equal(after.rows, rows + 1);
    await archive.stop({ timeoutMs: 2000 });
    await site.assertProved();
  });
});
