// Retention of log lines: days go, counted, and the law holds.
import assert from 'node:assert/strict';
import { createMaintenance } from '../../../src/archive/maintenance/maintenance.ts';
import { listPrunable, prune } from '../../../src/archive/maintenance/prune.ts';
import { silentLogger } from '../../../src/logger.ts';
import { useArchiveSite } from '../../support/archive-site.ts';
import { batchOf, lineOf } from '../../support/log-lines.ts';
import { waitFor } from '../../support/wait-for.ts';

const DAY_MS = 86_400_000;

describe('retention of log lines', function () {
  this.timeout(30_000);
  const site = useArchiveSite();

  const archiveLines = async () => {
    const { archive } = site.create();
    const old = { timeMs: Date.now() - 4 * DAY_MS };
    archive.sink.accept(batchOf([lineOf('a', old), lineOf('b', old), lineOf('c')]));
    await archive.flush();
    await archive.stop({ timeoutMs: 1000 });
  };
  const dayOf = (ageDays: number) => new Date(Date.now() - ageDays * DAY_MS).toISOString().slice(0, 10);
  const countLines = async () =>
    (await site.database.one<{ lines: number }>('select count(*)::int as lines from keepwatch.observability_logs')).lines;

  it('removes days at once, says which, and counts their lines as expired', async () => {
    await archiveLines();
    const { days, logDays } = await listPrunable(site.database, { keepMs: 2 * DAY_MS });
    assert.deepEqual(
      logDays.filter(({ rows }) => rows > 0).map(({ day, rows }) => [day, rows]),
      [[dayOf(4), 2]],
    );
    const removed: string[] = [];
    const pruned = await prune({ database: site.database, keepMs: 2 * DAY_MS, onRemoved: (what) => removed.push(what) });
    assert.equal(pruned.left, 0);
    assert.ok(removed.includes(`logs of ${dayOf(4)}`));
    assert.deepEqual([pruned.days.length, pruned.logDays.length], [days.length, logDays.length]);
    assert.equal(await countLines(), 1);
    const { logs } = await site.verify();
    assert.deepEqual([logs.archived, logs.rows, logs.expired, logs.problems], [3, 1, 2, 0]);
    await site.assertProved();
  });

  it('removes them now and then by itself', async () => {
    await archiveLines();
    assert.equal(await countLines(), 4);
    const maintenance = createMaintenance({ database: site.database, holder: 'test', keepMs: 2 * DAY_MS, logger: silentLogger });
    maintenance.tick();
    await waitFor(async () => (await countLines()) === 2, { timeoutMs: 20_000 });
    await maintenance.stop();
    await site.assertProved();
  });
});
