// docs/operations.md against the database: what it says of dead letters and the quarantine, with its own statements.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { verifyArchive } from '../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase } from '../../src/db/database.ts';
import type { EventSeries } from '../../src/event.ts';
import type { ArrayEvent } from '../support/array-batch.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { rulesUrlOf } from '../support/rules-role.ts';
import { createSpoolDir, createTestArchive } from '../support/test-archive.ts';
import { dropUser } from '../support/test-roles.ts';

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');
const STATEMENTS = [...PAGE.matchAll(/```sql\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
const series: EventSeries = { type: 'tool', name: 'Suche für Ü', service: 'test', metadata: '"tenant":"a"' };
const DAY_MS = 86_400_000;

describe('docs/operations.md', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  beforeEach(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  afterEach(async () => {
    await test.drop();
    spool.remove();
  });

  function statement(part: string): string {
    const found = STATEMENTS.find((each) => each.includes(part));
    assert.ok(found, part);
    return found;
  }

  async function prove() {
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    const { archived, deadLettered, quarantined } = report.totals;
    return { archived, deadLettered, quarantined };
  }

  it('shows dead letters, and brings them back whole when the cause is gone', async () => {
    const check = `alter table keepwatch.observability_metrics add constraint no_failures check (status <> 'failure')`;
    await test.database.none(check);
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    const endMs = Date.now() - 60_000;
    const event: ArrayEvent = {
      ...{ series, status: 'failure', endMs, durationMs: 12.345, weight: 3, metadata: '"q":"ß\\\\"', error: 'Nö' },
      ...{ traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) },
    };
    tracker.record(event, {}, { status: 'failure' });
    await archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(await prove(), { archived: 1, deadLettered: 2, quarantined: 0 });

    const [reason] = await test.database.any<{ sqlstate: string; reason: string; letters: string }>(
      statement('group by sqlstate'),
    );
    assert.deepEqual([reason?.sqlstate, reason?.letters], ['23514', '2']);
    assert.match(reason?.reason ?? '', /no_failures/);
    const letters = await test.database.any<Record<string, unknown>>(statement('order by refused_at desc'));
    const shown = letters.map(({ name, type, status, service }) => [name, type, status, service].join()).sort();
    assert.deepEqual(shown, ['GET /things/:id,api,failure,test', 'Suche f\\303\\274r \\303\\234,tool,failure,test']);

    const replay = statement('replay_dead_letters');
    assert.deepEqual(await test.database.any(replay), [{ replayed: 0, refused: 2 }]);
    assert.deepEqual(await prove(), { archived: 1, deadLettered: 2, quarantined: 0 });
    await test.database.none('alter table keepwatch.observability_metrics drop constraint no_failures');
    assert.deepEqual(await test.database.any(replay), [{ replayed: 2, refused: 0 }]);
    assert.deepEqual(await prove(), { archived: 3, deadLettered: 0, quarantined: 0 });
    const row = await test.database.one<Record<string, unknown>>(
      `select name, type, status, service, error, metadata, weight, duration_ms, extract(epoch from end_time)::float8 * 1000 as end_ms,
         trace_id, span_id, parent_span_id from keepwatch.events where name like 'Suche%'`,
    );
    assert.deepEqual(row, {
      ...{ name: series.name, type: 'tool', status: 'failure', service: 'test', error: 'Nö', weight: 3, duration_ms: 12.345 },
      ...{
        metadata: { tenant: 'a', q: 'ß\\' },
        end_ms: endMs,
        trace_id: event.traceId,
        span_id: event.spanId,
        parent_span_id: null,
      },
    });
  });

  it('shows the quarantine, and reads it with the archive', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record({ series, endMs: Date.now() - 9 * DAY_MS }, { series, endMs: Date.now() + DAY_MS }, { series });
    await archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(await prove(), { archived: 1, deadLettered: 0, quarantined: 2 });
    const [found] = await test.database.any<{ service: string; events: string }>(statement('join keepwatch.sources'));
    assert.deepEqual([found?.service, found?.events], ['test', '2']);
    assert.equal((await test.database.any(statement('union all'))).length, 3);
  });

  it('says how many bytes a row takes, of events and of rollups', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record(...Array.from({ length: 500 }, () => ({ series })));
    await archive.stop({ timeoutMs: 5000 });
    await test.database.none('analyze keepwatch.observability_metrics');
    const found = await test.database.any<{ relation: string; rows: string; size: string; bytes_a_row: string | null }>(
      statement('pg_partition_tree'),
    );
    assert.deepEqual(found.map(({ relation }) => relation.replace('keepwatch.', '')).sort(), [
      'observability_metrics',
      'rollup_hours',
      'rollup_minutes',
    ]);
    const events = found.find(({ relation }) => relation.endsWith('observability_metrics'));
    assert.equal(events?.rows, '500');
    // Of log lines there are none. Partitions that are made ahead take their pages too.
    assert.ok(Number(events?.bytes_a_row) > 200, events?.bytes_a_row ?? '');
    assert.match(events?.size ?? '', /^\d+ [kM]B$/);
  });

  it('makes a user for an app, which may write and take nothing away', async () => {
    const name = `chat_api_${process.pid}`;
    await rulesUrlOf(test, false);
    await test.database.none(statement('create role chat_api').replace('chat_api', name));
    const url = Object.assign(new URL(test.url), { username: name, password: 'secret' }).href;
    const app = createDatabase({ url, max: 3 });
    try {
      const { archive, tracker } = createTestArchive(app, spool.path);
      tracker.record({ series });
      await archive.stop({ timeoutMs: 5000 });
      assert.deepEqual(await prove(), { archived: 1, deadLettered: 0, quarantined: 0 });
      await assert.rejects(app.none('delete from keepwatch.observability_metrics'), { code: '42501' });
    } finally {
      await closeDatabase(app);
      await dropUser(test.database, name);
    }
  });

  it('has no statement that these tests do not run', () => {
    assert.equal(STATEMENTS.length, 7);
  });
});
