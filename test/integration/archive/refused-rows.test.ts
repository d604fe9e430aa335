import assert from 'node:assert/strict';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import type { EventSeries } from '../../../src/event.ts';
import type { ArrayEvent } from '../../support/array-batch.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A row that the encoder takes, since it trusts its metadata to be JSON, and Postgres does not. */
const broken: EventSeries = { type: 'tool', name: 'broken', service: 'test', metadata: '"a":' };

describe('Archive, rows that cannot be archived', () => {
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  beforeEach(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  afterEach(async () => {
    await test.drop();
    spool.remove();
  });

  async function archiveAll(events: readonly ArrayEvent[]): Promise<Record<string, unknown>> {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record(...events);
    await archive.stop({ timeoutMs: 5000 });
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(report.sources[0]?.problems, []);
    const { recorded, archived, deadLettered, quarantined } = report.totals;
    const stats = archive.stats();
    assert.deepEqual([stats.archived, stats.deadLettered, stats.quarantined], [archived, deadLettered, quarantined]);
    return { recorded, archived, deadLettered, quarantined };
  }

  it('puts each row that Postgres refuses in the dead letter, with the reason, and archives the others', async () => {
    const events = Array.from({ length: 500 }, (_, index): ArrayEvent => {
      if (index === 17) return { metadata: '"a":' };
      if (index === 301) return { metadata: '"a":1e200000' };
      if (index === 499) return { series: broken };
      return {};
    });
    assert.deepEqual(await archiveAll(events), { recorded: 500, archived: 497, deadLettered: 3, quarantined: 0 });
    const letters = await test.database.any<Record<string, unknown>>(
      `select lane, segment::int, batch, sqlstate, position('\\x61' in payload) > 0 as has_payload
       from keepwatch.observability_dead_letter order by batch, row_number`,
    );
    assert.deepEqual(
      letters.map(({ sqlstate }) => sqlstate),
      ['22P02', '22003', '22P02'],
    );
    assert.ok(letters.every((letter) => letter['has_payload'] === true));
  });

  it('archives on after a batch in which every row was refused', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record(...Array.from({ length: 50 }, () => ({ series: broken })));
    await archive.flush();
    tracker.record({});
    await archive.flush();
    const { archived, deadLettered, state } = archive.stats();
    assert.deepEqual({ archived, deadLettered, state }, { archived: 1, deadLettered: 50, state: 'ok' });
    await archive.stop({ timeoutMs: 5000 });
  });

  it('puts rows outside the ingest window in the quarantine', async () => {
    const nowMs = Date.now();
    const outside: ArrayEvent[] = [
      { endMs: nowMs - 8 * DAY_MS },
      { endMs: nowMs + 2 * HOUR_MS },
      { endMs: Date.UTC(99_999, 0, 1) },
      { endMs: Number.NEGATIVE_INFINITY },
      { endMs: -1 },
    ];
    const inside: ArrayEvent[] = [{ endMs: nowMs - 6.9 * DAY_MS }, { endMs: nowMs + HOUR_MS / 2 }, { endMs: Number.NaN }];
    const [first, ...rest] = outside;
    assert.ok(first);
    assert.deepEqual(await archiveAll([first, ...inside, ...rest]), {
      recorded: 8,
      archived: 3,
      deadLettered: 0,
      quarantined: 5,
    });
    const { marked } = await test.database.one<{ marked: number }>(
      `select count(*)::int as marked from keepwatch.observability_quarantine where metadata @> '{"keepwatch.invalid_time": true}'`,
    );
    assert.equal(marked, 3);
  });

  it('refuses a row outside the window into the dead letter too, beside one inside, each by its place', async () => {
    const bad = { series: broken };
    const events = [{ ...bad, endMs: Date.now() - 8 * DAY_MS }, bad, {}];
    assert.deepEqual(await archiveAll(events), { recorded: 3, archived: 1, deadLettered: 2, quarantined: 0 });
    const letters = await test.database.any('select row_number from keepwatch.observability_dead_letter order by 1');
    assert.deepEqual(letters, [{ row_number: 1 }, { row_number: 2 }]);
  });

  it('makes a partition that somebody dropped', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record({});
    await archive.flush();
    const leaf = `observability_metrics_p${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`;
    await test.database.none('alter table keepwatch.observability_metrics detach partition keepwatch.$<leaf:name>', { leaf });
    await test.database.none('drop table keepwatch.$<leaf:name>', { leaf });
    tracker.record({}, {});
    await archive.flush();
    const { archived, deadLettered, spoolEvents } = archive.stats();
    assert.deepEqual({ archived, deadLettered, spoolEvents }, { archived: 3, deadLettered: 0, spoolEvents: 0 });
    await archive.stop({ timeoutMs: 5000 });
  });

  it('bounds what is too large, marks what it cut, and archives it', async () => {
    const big: EventSeries = { type: 'custom', name: 'n'.repeat(10_000), service: 's'.repeat(5000), metadata: '' };
    const events = [
      { series: big, metadata: `"a":"${'ä'.repeat(1_000_000)}"`, error: '\ud800'.repeat(100_000) },
      { durationMs: Number.NaN, weight: Number.NaN },
      { durationMs: -5, weight: -1 },
      { durationMs: Number.POSITIVE_INFINITY, weight: 1e12 },
      { series: { ...big, name: 'a\0b\ud800' }, metadata: '"a":"\\u0000\\ud83d\\ude00\\ud83d"', error: '\0' },
    ];
    assert.deepEqual(await archiveAll(events), { recorded: 5, archived: 5, deadLettered: 0, quarantined: 0 });
    const rows = await test.database.any<Record<string, unknown>>(
      `select length(name) as name, length(error) as error, duration_ms, weight, metadata from keepwatch.events order by id`,
    );
    const truncated = { 'keepwatch.truncated': true };
    const replaced = { 'keepwatch.replaced': true };
    const invalidTime = { method: 'GET', 'keepwatch.invalid_time': true };
    const invalid = { ...invalidTime, 'keepwatch.invalid_weight': true };
    assert.deepEqual(rows, [
      { name: 1000, error: 2000, duration_ms: 1.5, weight: 1, metadata: { ...truncated, ...replaced } },
      { name: 15, error: null, duration_ms: 0, weight: 1, metadata: invalid },
      { name: 15, error: null, duration_ms: 0, weight: 1, metadata: invalid },
      { name: 15, error: null, duration_ms: 0, weight: 2_147_483_647, metadata: invalid },
      { name: 4, error: 1, duration_ms: 1.5, weight: 1, metadata: { ...truncated, ...replaced, a: '\ufffd\u{1f600}\ufffd' } },
    ]);
  });
});
