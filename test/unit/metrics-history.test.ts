import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKeepwatch } from '../../src/app.ts';
import { silentLogger } from '../../src/logger.ts';
import { createJsonlFolder } from '../support/jsonl-folder.ts';

describe('a history in JSONL files', () => {
  let folder: ReturnType<typeof createJsonlFolder>;
  beforeEach(() => {
    folder = createJsonlFolder();
  });
  afterEach(() => folder.remove());

  const create = () => createKeepwatch({ jsonlDir: folder.path, logger: silentLogger });

  it('has what was measured a moment ago, by name and in sum', async () => {
    const keepwatch = await create();
    const { tracker } = keepwatch;
    const lint = tracker.track({ type: 'command', name: 'lint' }, () => 1);
    for (let call = 0; call < 9; call++) lint();
    assert.throws(() =>
      tracker.measure({ type: 'command', name: 'lint' }, () => {
        throw new Error('2 problems');
      }),
    );
    tracker.measure({ type: 'command', name: 'build' }, () => 1);
    const [summary, ...others] = await keepwatch.getMetricsSummary(7);
    assert.deepEqual(
      [summary?.name, summary?.count, summary?.failures, summary?.success_rate, others.length],
      ['lint', 10, 1, 0.9, 1],
    );
    const [newest, ...earlier] = await keepwatch.getRecentMetrics('lint', 3);
    assert.deepEqual([newest?.status, newest?.error, earlier.length], ['failure', 'Error: 2 problems', 2]);
    assert.equal((await keepwatch.getRecentMetrics()).length, 10);
    assert.equal((await keepwatch.getRecentMetrics(undefined, 100)).length, 11);
    await keepwatch.stop();
  });

  it('forgets days that are older than it is told', async () => {
    const keepwatch = await create();
    mkdirSync(folder.path, { recursive: true });
    for (const daysAgo of [0, 5, 31, 400]) {
      const day = new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
      writeFileSync(join(folder.path, `${day}.jsonl`), '');
    }
    assert.equal(await keepwatch.clearOldMetrics(), 2);
    assert.equal(await keepwatch.clearOldMetrics(3), 1);
    assert.equal(await keepwatch.clearOldMetrics(1), 0);
    await keepwatch.stop();
  });

  it('refuses numbers that mean nothing, and to answer where nothing keeps events', async () => {
    const keepwatch = await create();
    for (const days of [0, -1, 1.5, Number.NaN, 4000, '7' as never]) {
      await assert.rejects(keepwatch.getMetricsSummary(days), /days: got .*; allowed: a whole number from 1 to 3650/);
      await assert.rejects(keepwatch.clearOldMetrics(days), { code: 'ERR_USAGE' });
    }
    await assert.rejects(keepwatch.getRecentMetrics('x', 1001), /limit: got 1001; allowed: a whole number from 1 to 1000/);
    const without = await createKeepwatch({ logger: silentLogger });
    await assert.rejects(without.getMetricsSummary(), /nothing keeps events; set DATABASE_URL or KEEPWATCH_JSONL_DIR/);
    await Promise.all([keepwatch.stop(), without.stop()]);
  });

  it('shows in status and self-metrics what was recorded, written and waits', async () => {
    const keepwatch = await create();
    await keepwatch.start();
    for (let call = 0; call < 5; call++) keepwatch.tracker.measure({ type: 'custom', name: 'x' }, () => call);
    await keepwatch.flush();
    const { recorded, archive, reasons } = keepwatch.status();
    assert.deepEqual([recorded, archive?.archived, archive?.spoolEvents, reasons], [5, 5, 0, []]);
    const text = await (keepwatch.tracker.registry as unknown as { metrics(): Promise<string> }).metrics();
    assert.match(text, /^keepwatch_events_recorded_total 5$/m);
    assert.match(text, /^keepwatch_events_archived_total 5$/m);
    await keepwatch.stop();
  });
});
