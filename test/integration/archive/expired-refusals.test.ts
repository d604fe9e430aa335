// Dead letters and the quarantine are kept as long as raw events, then counted and removed: the law holds on.
import assert from 'node:assert/strict';
import { removeExpiredRefusals } from '../../../src/archive/maintenance/expired-refusals.ts';
import { Lease } from '../../../src/archive/maintenance/lease.ts';
import { createMaintenance } from '../../../src/archive/maintenance/maintenance.ts';
import { type VerifyReport, verifyArchive } from '../../../src/archive/verify/verify.ts';
import type { LogBatch, LogLine } from '../../../src/log.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

const DAY_MS = 86_400_000;
const KEEP_MS = 30 * DAY_MS;

describe('Retention of what was refused', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  beforeEach(async () => {
    test = await createTestDatabase();
  });
  afterEach(() => test.drop());

  /** 6 dead letters and 6 quarantined rows among 24 events, of two series. */
  async function archiveSome(): Promise<void> {
    const spool = createSpoolDir();
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record(
      ...Array.from({ length: 24 }, (_, index) => ({
        series: { type: 'tool' as const, name: index % 3 === 0 ? 'a\nb' : 'é', service: 'test', metadata: '' },
        ...(index % 4 === 0 && { metadata: '"a":' }),
        ...(index % 4 === 1 && { endMs: Date.now() - 8 * DAY_MS }),
      })),
    );
    await archive.flush();
    await archive.stop({ timeoutMs: 5000 });
    spool.remove();
  }
  /** @param rows of each table at most; default: all */
  const age = (rows = 1000) =>
    test.database.none(
      ['observability_dead_letter', 'observability_quarantine', 'observability_logs_quarantine']
        .map(
          (table) => `update keepwatch.${table} set created_at = created_at - interval '31 days'
            where ctid = any (array(select ctid from keepwatch.${table} limit ${rows}))`,
        )
        .join(';'),
    );
  const remove = (holder = 'test') =>
    removeExpiredRefusals(
      {
        database: test.database,
        lease: new Lease({ database: test.database, name: 'maintenance', holder, seconds: 60 }),
        shouldStop: () => false,
      },
      KEEP_MS,
    );
  const count = async () =>
    test.database.one<{ letters: number; quarantined: number }>(
      `select (select count(*)::int from keepwatch.observability_dead_letter) as letters,
         (select count(*)::int from keepwatch.observability_quarantine) as quarantined`,
    );
  const verify = (): Promise<VerifyReport> => verifyArchive({ database: test.database, allSeries: true });
  const problemsOf = ({ sources }: VerifyReport) => sources.flatMap(({ problems }) => problems);

  it('removes and counts it by series, twice over, and verify says what it said before', async () => {
    await archiveSome();
    await age(4);
    assert.deepEqual(await count(), { letters: 6, quarantined: 6 });
    const before = await verify();
    assert.deepEqual(problemsOf(before), []);
    assert.deepEqual(await remove(), { deadLetters: 4, quarantined: 4 });
    assert.deepEqual(await count(), { letters: 2, quarantined: 2 }, 'what is young stays');
    const after = await verify();
    assert.deepEqual([after.totals, after.sources], [before.totals, before.sources]);
    await age();
    assert.deepEqual(await remove(), { deadLetters: 2, quarantined: 2 });
    assert.deepEqual(await remove(), { deadLetters: 0, quarantined: 0 });
    assert.deepEqual(await count(), { letters: 0, quarantined: 0 });
    assert.deepEqual((await verify()).sources, before.sources);
    await test.database.none("update keepwatch.expired_refusals set events = events - 1 where kind = 'quarantine'");
    assert.deepEqual([...new Set(problemsOf(await verify()).map(({ kind }) => kind))], ['quarantine', 'missing_events']);
  });

  it('waits for nobody: what is being brought back is left, and counted once', async () => {
    await archiveSome();
    await age();
    await test.database.tx(async (task) => {
      await task.none("set local lock_timeout = '5s'");
      await task.any('select from keepwatch.observability_dead_letter order by row_number limit 2 for update');
      assert.deepEqual(await remove(), { deadLetters: 4, quarantined: 6 });
    });
    assert.deepEqual(await count(), { letters: 2, quarantined: 0 });
    assert.deepEqual(problemsOf(await verify()), []);
    assert.deepEqual(await test.database.one('select * from keepwatch.replay_dead_letters()'), { replayed: 0, refused: 2 });
    assert.deepEqual(await remove(), { deadLetters: 2, quarantined: 0 });
    assert.deepEqual(problemsOf(await verify()), []);
  });

  it('counts log lines by their levels', async () => {
    await test.database.one("select keepwatch.ensure_log_partitions(now() - interval '9 days', now() + interval '9 days')");
    await test.database.none("alter table keepwatch.observability_logs add constraint no_refused check (message <> 'refused')");
    const lines = Array.from({ length: 9 }, (_, index): LogLine => {
      const ids = { traceId: undefined, spanId: undefined };
      const timeMs = index % 3 === 1 ? Date.now() - 8 * DAY_MS : Date.now();
      const message = index % 3 === 0 ? 'refused' : 'said';
      return { timeMs, level: index < 5 ? 30 : 40, message, logger: undefined, service: 'test', attributes: '', ...ids };
    });
    const batch: LogBatch = {
      ...{ lane: 'logs', size: lines.length, counts: { recorded: lines.length, sampledOut: 0, dropped: {} } },
      lowWatermarkMs: Date.now(),
      line: (index) => lines[index] as LogLine,
      series: (index) => ({ type: 'log', name: index < 5 ? 'info' : 'warn' }),
      eachDropped() {},
    };
    const spool = createSpoolDir();
    const { archive } = createTestArchive(test.database, spool.path);
    archive.sink.accept(batch);
    await archive.flush();
    await archive.stop({ timeoutMs: 5000 });
    spool.remove();
    const before = await verify();
    assert.deepEqual(problemsOf(before), []);
    await age();
    assert.deepEqual(await remove(), { deadLetters: 3, quarantined: 3 });
    const after = await verify();
    assert.deepEqual([after.totals, after.sources], [before.totals, before.sources]);
  });

  it('is left to who holds the lease, and is a part of maintenance', async () => {
    await archiveSome();
    await age();
    const other = new Lease({ database: test.database, name: 'maintenance', holder: 'other', seconds: 60 });
    assert.ok(await other.take());
    assert.deepEqual(await remove(), { deadLetters: 0, quarantined: 0 });
    await other.release();
    const lines: unknown[] = [];
    const note = (fields: object, message: string) => lines.push([fields, message]);
    const logger = { debug: note, info: note, warn: note, error: note };
    const maintenance = createMaintenance({ database: test.database, holder: 'test', keepMs: KEEP_MS, logger });
    await waitFor(() => {
      maintenance.tick();
      return lines.length > 0;
    });
    await maintenance.stop();
    assert.deepEqual(lines, [
      [{ deadLetters: 6, quarantined: 6 }, 'dead letters and quarantined rows that are no longer kept are removed'],
    ]);
    assert.deepEqual(problemsOf(await verify()), []);
  });
});
