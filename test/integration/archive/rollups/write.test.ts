// Rollups are written with the raw rows, and equal them whatever comes between.
import assert from 'node:assert/strict';
import type { ArrayEvent } from '../../../support/array-batch.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { compareRollups } from '../../../support/rollup-oracle.ts';
import { archiveEvents, createSpoolDir } from '../../../support/test-archive.ts';
import { VARIED_SERIES, variedEvents } from '../../../support/varied-events.ts';

const DAY_MS = 86_400_000;

describe('Rollups, written with the rows', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  beforeEach(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  afterEach(async () => {
    spool.remove();
    await test.drop();
  });

  const archiveAll = (events: readonly ArrayEvent[]) => archiveEvents(test.database, spool.path, events);
  const count = async (from: string) =>
    (await test.database.one<{ rows: number }>(`select count(*)::int as rows from keepwatch.${from}`)).rows;

  it('equal them: counts, sums, weights, every bucket, by labels, with rows up to 7 days late', async () => {
    await archiveAll(variedEvents(25_000));
    assert.equal(await count('observability_metrics'), 25_000);
    assert.equal(await count('observability_series'), VARIED_SERIES.length);
    assert.equal(await count('rollup_backlog'), 0);
    assert.deepEqual(await compareRollups(test.database), []);
    const labels = await test.database.any('select distinct labels from keepwatch.observability_rollup_1h order by 1');
    assert.deepEqual(labels, [
      { labels: { method: 'GET', status_class: '2xx' } },
      { labels: { method: 'POST', status_class: '2xx' } },
    ]);
  });

  it('are found different when a row is changed behind their back', async () => {
    await archiveAll(variedEvents(100));
    await test.database.none(
      'update keepwatch.observability_metrics set duration_ms = duration_ms + 1 where id = (select min(id::text)::uuid from keepwatch.observability_metrics)',
    );
    assert.equal((await compareRollups(test.database)).length, 2);
  });

  it('leave out rows that Postgres refuses, and what is outside the ingest window', async () => {
    const events = variedEvents(2000).map((event, index): ArrayEvent => {
      if (index % 500 === 17) return { ...event, metadata: '"a":' };
      if (index % 500 === 18) return { ...event, endMs: Date.now() - 8 * DAY_MS };
      return event;
    });
    await archiveAll(events);
    assert.equal(await count('observability_dead_letter'), 4);
    assert.equal(await count('observability_quarantine'), 4);
    assert.equal(await count('rollup_backlog'), 0);
    assert.deepEqual(await compareRollups(test.database), []);
    const { archived, rolled } = await test.database.one(
      'select sum(archived)::int as archived, sum(rolled_up)::int as rolled from keepwatch.ledger',
    );
    assert.deepEqual([archived, rolled], [1992, 1992]);
  });

  it('take in dead letters that are archived after all', async () => {
    await test.database.none("alter table keepwatch.observability_metrics add constraint short check (name <> 'b') not valid");
    await archiveAll(variedEvents(300));
    assert.equal(await count('observability_dead_letter'), 100);
    await test.database.none('alter table keepwatch.observability_metrics drop constraint short');
    assert.deepEqual(await test.database.one('select * from keepwatch.replay_dead_letters()'), { replayed: 100, refused: 0 });
    assert.equal(await count('rollup_backlog'), 0);
    // Their labels cannot be told: without them all is equal.
    await test.database.none("update keepwatch.observability_series set labels = '{}'");
    assert.deepEqual(await compareRollups(test.database), []);
  });

  it('survive values that no sum can hold', async () => {
    const huge = { durationMs: 2e14, endMs: Date.now(), weight: 2_147_483_647 };
    await archiveAll([huge, huge, { durationMs: 1 }]);
    const rollup = await test.database.one('select rows, count, sum_us, max_us, hc from keepwatch.observability_rollup_1m');
    assert.equal(rollup['rows'], '3');
    assert.equal(rollup['count'], '4294967295');
  });

  it('compute ids and buckets as Postgres does', async () => {
    await archiveAll([
      ...variedEvents(50),
      { series: { type: 'tool', name: 'é "\\\n\u2028 😀', service: 'ü', metadata: '"b":"\\u00e9\\n","a":12,"😀":true' } },
    ]);
    const wrong = await test.database.any(
      'select * from keepwatch.observability_series where series_id <> keepwatch.series_id(service, type, name, labels)',
    );
    assert.deepEqual(wrong, []);
    assert.equal(await count('observability_series'), 7);
  });
});
