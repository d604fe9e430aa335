import assert from 'node:assert/strict';
import { createArchiveQueries } from '../../../src/archive/queries.ts';
import { closeDatabase, createDatabase } from '../../../src/db/database.ts';
import { migrate } from '../../../src/db/migrate.ts';
import { ensureRoles } from '../../../src/db/roles.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive, listWaiting } from '../../support/test-archive.ts';

describe('Archive', () => {
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
  });
  beforeEach(() => {
    spool = createSpoolDir();
  });
  afterEach(() => spool.remove());
  after(() => test.drop());

  it('archives every field of an event as it was recorded', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    const endMs = Math.floor(Date.now()) - 1000.25;
    tracker.record({
      series: { type: 'agent', name: 'support ägent', service: 'chat', metadata: '"workspace":"w1"' },
      status: 'failure',
      endMs,
      durationMs: 1234.5,
      weight: 3,
      metadata: '"user_id":"ü"',
      error: 'TypeError: näh',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      parentSpanId: '00f067aa0ba902b7',
    });
    tracker.record({ endMs });
    await archive.flush();
    const rows = await test.database.any<Record<string, unknown>>(
      `select name, type, status, service, weight, duration_ms, extract(epoch from start_time)::float8 * 1000 as start_ms,
         extract(epoch from end_time)::float8 * 1000 as end_ms, trace_id, span_id, parent_span_id, error, metadata
       from keepwatch.events where source_id = $1 order by type`,
      [archive.sourceId],
    );
    assert.deepEqual(rows, [
      {
        name: 'support ägent',
        type: 'agent',
        status: 'failure',
        service: 'chat',
        weight: 3,
        duration_ms: 1234.5,
        start_ms: endMs - 1234.5,
        end_ms: endMs,
        trace_id: '0af7651916cd43dd8448eb211c80319c',
        span_id: 'b7ad6b7169203331',
        parent_span_id: '00f067aa0ba902b7',
        error: 'TypeError: näh',
        metadata: { workspace: 'w1', user_id: 'ü' },
      },
      {
        name: 'GET /things/:id',
        type: 'api',
        status: 'success',
        service: 'test',
        weight: 1,
        duration_ms: 1.5,
        start_ms: endMs - 1.5,
        end_ms: endMs,
        trace_id: null,
        span_id: null,
        parent_span_id: null,
        error: null,
        metadata: { method: 'GET' },
      },
    ]);
    await archive.stop({ timeoutMs: 5000 });
  });

  it('needs no more rights than the role keepwatch_writer has', async () => {
    await ensureRoles(test.database);
    const role = `keepwatch_test_archive_${process.pid}`;
    await test.database.none(`create role ${role} login password 'test' in role keepwatch_writer`);
    const database = createDatabase({
      url: Object.assign(new URL(test.url), { username: role, password: 'test' }).href,
      max: 2,
    });
    try {
      await migrate(database);
      await test.database.none('drop table keepwatch.observability_metrics_p$1:raw', [
        new Date().toISOString().slice(0, 10).replaceAll('-', ''),
      ]);
      const { archive, tracker } = createTestArchive(database, spool.path);
      tracker.record({}, { endMs: 0 }, { metadata: '"a":' });
      await archive.stop({ timeoutMs: 10_000 });
      const { archived, quarantined, deadLettered, reasons } = archive.stats();
      assert.deepEqual(
        { archived, quarantined, deadLettered, reasons },
        { archived: 1, quarantined: 1, deadLettered: 1, reasons: [] },
      );
      assert.equal((await createArchiveQueries(database).recent({ limit: 10 })).length, 1);
    } finally {
      await closeDatabase(database);
      await test.database.none(`drop role ${role}`);
    }
  });

  it('writes nothing into a schema that is too new for it, and keeps all in the spool', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record({});
    await archive.flush();
    await test.database.none(`insert into keepwatch.migration values (99, '000099_rename_all', '', true)`);
    tracker.record({});
    await archive.flush();
    assert.match(archive.stats().reasons.join(), /the database has migration number 99, which this version of Keepwatch cannot/);
    assert.deepEqual([archive.stats().archived, archive.stats().spoolEvents], [1, 1]);
    await test.database.none('delete from keepwatch.migration where version = 99');
    await archive.flush();
    assert.equal(archive.stats().archived, 2);
    await archive.stop({ timeoutMs: 5000 });
  });

  it('leaves a closed source, and nothing that waits, when it stops', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    archive.start();
    tracker.record(...Array.from({ length: 25_000 }, () => ({})));
    await archive.stop({ timeoutMs: 10_000 });
    const ledger = await test.database.one<Record<string, unknown>>(
      `select recorded::int, archived::int, dropped, closed from keepwatch.ledger join keepwatch.sources using (source_id) where source_id = $1`,
      [archive.sourceId],
    );
    assert.deepEqual(ledger, { recorded: 25_000, archived: 25_000, dropped: {}, closed: true });
    assert.deepEqual(listWaiting(spool.path), []);
    assert.equal(archive.stats().spoolEvents, 0);
    assert.equal(archive.stats().state, 'ok');
  });
});
