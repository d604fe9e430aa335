import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

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

  it('leaves a closed source and an empty spool when it stops', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    archive.start();
    tracker.record(...Array.from({ length: 25_000 }, () => ({})));
    await archive.stop({ timeoutMs: 10_000 });
    const ledger = await test.database.one<Record<string, unknown>>(
      `select recorded::int, archived::int, dropped, closed from keepwatch.ledger join keepwatch.sources using (source_id) where source_id = $1`,
      [archive.sourceId],
    );
    assert.deepEqual(ledger, { recorded: 25_000, archived: 25_000, dropped: {}, closed: true });
    assert.deepEqual(readdirSync(spool.path), []);
    assert.equal(archive.stats().spoolEvents, 0);
    assert.equal(archive.stats().state, 'ok');
  });
});
