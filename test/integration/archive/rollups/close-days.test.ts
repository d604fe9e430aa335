// Days that are over are made of their hours, and read instead of them: whatever comes late, and whatever is cut off, answers are those of raw rows.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Lease } from '../../../../src/archive/maintenance/lease.ts';
import { type CloseDaysOptions, closeDays } from '../../../../src/archive/rollups/close-days.ts';
import { foldRollups } from '../../../../src/archive/rollups/fold.ts';
import { verifyArchive } from '../../../../src/archive/verify/verify.ts';
import type { Database } from '../../../../src/db/database.ts';
import { dieAmid } from '../../../support/dying-connection.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { insertRolledUp, type PlainEvent } from '../../../support/rolled-up.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const DAYS = 5;

const MEASURED = `
  select bucket, value, count::float8, failures::float8, aborted::float8, total_us::float8, min_us::float8, max_us::float8, quantiles_us
  from keepwatch.measure($<from>, $<to>, group_by => $<groupBy>, step => $<step>::interval, quantiles => $<quantiles>::float8[]) order by 1, 2`;
const RAW = `
  select bucket, value, count, failures, aborted, total_us, min_us, max_us, case when cardinality($<quantiles>::float8[]) > 0 then array(
    select greatest(min_us, least(max_us, keepwatch.bucket_value(keepwatch.bucket_of(us))))
    from unnest(coalesce(exact, array_fill(null::bigint, array[cardinality($<quantiles>::float8[])]))) with ordinality as quantile (us, position)
    order by position
  ) end as quantiles_us
  from (
    select case when $<step> is not null then bucket end as bucket, case $<groupBy> when 'name' then name end as value, count(*)::float8 as count,
      (count(*) filter (where status = 'failure'))::float8 as failures, (count(*) filter (where status = 'aborted'))::float8 as aborted,
      coalesce(sum(us) filter (where status <> 'aborted'), 0)::float8 as total_us, (min(us) filter (where status <> 'aborted'))::float8 as min_us,
      (max(us) filter (where status <> 'aborted'))::float8 as max_us,
      percentile_disc($<quantiles>::float8[]) within group (order by us) filter (where status <> 'aborted') as exact
    from (
      select date_bin(coalesce($<step>, '1 day')::interval, end_time, '1970-01-05 00:00:00+00') as bucket, name, status,
        keepwatch.duration_us(duration_ms) as us
      from keepwatch.observability_metrics cross join generate_series(1, weight)
      where end_time >= $<from> and end_time < $<to>
    ) as executions
    group by 1, 2
  ) as answered
  order by 1, 2`;

describe('closeDays', function () {
  this.timeout(120_000);
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const begin = today - DAYS * DAY_MS;
  let test: TestDatabase;
  beforeEach(async () => {
    test = await createTestDatabase();
    const range = { from: new Date(begin), to: new Date(today + DAY_MS) };
    await test.database.any(
      'select keepwatch.ensure_partitions($<from>, $<to>), keepwatch.ensure_rollup_partitions($<from>, $<to>)',
      range,
    );
  });
  afterEach(() => test.drop());

  const leaseOf = (database: Database) => new Lease({ database, name: 'rollups', holder: 'test', seconds: 60 });
  const runOf = (database = test.database) => ({ database, lease: leaseOf(database), shouldStop: () => false });
  const fold = () => foldRollups({ ...runOf(), settleSeconds: 0 });
  const close = (more: Partial<CloseDaysOptions> = {}) =>
    closeDays({ ...runOf(), settleSeconds: 0, againSeconds: 0, daysAtOnce: 1000, ...more });
  const closed = async () =>
    (
      await test.database.any<{ day: string }>(
        'select day::text from keepwatch.closed_days where not is_changed and day >= $<begin> order by day',
        {
          begin: new Date(begin),
        },
      )
    ).map(({ day }) => day);
  const event = (endMs: number, more: Partial<PlainEvent> = {}): PlainEvent => ({
    ...{ service: 'shop', type: 'api', name: 'GET /', status: 'success', durationMs: 20, weight: 1, endMs },
    ...more,
  });
  const eachDay = () =>
    insertRolledUp(
      test.database,
      Array.from({ length: DAYS * 24 }, (_, hour) => event(begin + hour * HOUR_MS + 90_000, { durationMs: 5 + hour })),
    );

  async function agrees(
    from: number,
    to: number,
    more: { groupBy?: string; step?: string | null; quantiles?: readonly number[] } = {},
  ) {
    const values = { groupBy: 'all', step: null, quantiles: [0.5, 0.95], ...more, from: new Date(from), to: new Date(to) };
    assert.deepEqual(await test.database.any(MEASURED, values), await test.database.any(RAW, values));
  }

  it('makes every day that is over of its hours, the newest first and some at once, and no other', async () => {
    await eachDay();
    await insertRolledUp(test.database, [event(Math.min(today + 1, Date.now()))]);
    await fold();
    const days = Array.from({ length: DAYS }, (_, index) => new Date(begin + index * DAY_MS).toISOString().slice(0, 10));
    assert.equal(await close({ daysAtOnce: 2 }), 2);
    assert.deepEqual(await closed(), days.slice(-2));
    await agrees(begin, today);
    await close();
    assert.deepEqual(await closed(), days);
    assert.equal(await close(), 0, 'nothing has changed');
    await agrees(begin, today);
    const { rows } = await test.database.one('select sum(rows)::int as rows from keepwatch.rollup_days');
    assert.equal(rows, DAYS * 24);
  });

  it('reads a day that is closed from its own rollups, and no hours of it', async () => {
    await eachDay();
    await fold();
    await close();
    await test.database.none('update keepwatch.rollup_days set count = count + 1000 where bucket = $<day>', {
      day: new Date(begin + DAY_MS),
    });
    const count = async (from: number, to: number, step: string | null) =>
      (
        await test.database.one(
          'select sum(count)::int as count from keepwatch.measure($<from>, $<to>, step => $<step>::interval)',
          {
            ...{ from: new Date(from), to: new Date(to), step },
          },
        )
      ).count;
    for (const step of [null, '1 day', '2 days']) {
      assert.equal(await count(begin, today, step), DAYS * 24 + 1000);
      assert.equal(await count(begin + HOUR_MS, begin + 3 * DAY_MS - 1, step), 71 + 1000);
      assert.equal(await count(begin + DAY_MS + HOUR_MS, today, step), (DAYS - 1) * 24 - 1, 'a day that is cut is read by hours');
    }
    assert.equal(await count(begin, today, '1 hour'), DAYS * 24);
  });

  it('opens a day when something comes late, until it is made again', async () => {
    await eachDay();
    await fold();
    await close();
    const late = begin + 2 * DAY_MS + 5 * HOUR_MS;
    await insertRolledUp(test.database, [event(late), event(late, { status: 'failure', name: 'late' })]);
    await agrees(begin, today);
    assert.equal((await closed()).length, DAYS);
    await fold();
    assert.equal((await closed()).length, DAYS - 1);
    await agrees(begin, today);
    assert.equal(await close({ againSeconds: 300 }), 0, 'it has just been made');
    assert.equal(await close(), 1);
    await agrees(begin, today);
    assert.equal((await closed()).length, DAYS);
  });

  it('answers as raw rows do, whatever comes, is folded and is closed in between', async () => {
    const moment = fc.integer({ min: 0, max: DAYS * 24 * 60 - 1 }).map((minute) => begin + minute * 60_000);
    const arrival = fc.record({
      endMs: moment,
      name: fc.constantFrom('GET /', 'POST /'),
      status: fc.constantFrom('success' as const, 'failure' as const, 'aborted' as const),
      durationMs: fc.constantFrom(0, 1, 20, 300, 4000, 100_000),
      weight: fc.integer({ min: 1, max: 3 }),
    });
    const step = fc.oneof(
      fc.array(arrival, { minLength: 1, maxLength: 20 }),
      fc.constant('fold' as const),
      fc.integer({ min: 1, max: DAYS }),
    );
    const unit = fc.constantFrom(60_000, HOUR_MS, DAY_MS);
    const question = fc.record({
      ends: fc.uniqueArray(moment, { minLength: 2, maxLength: 2 }),
      unit,
      groupBy: fc.constantFrom('all', 'name'),
      step: fc.constantFrom(null, '1 hour', '12 hours', '1 day', '2 days', '7 days'),
      quantiles: fc.constantFrom([], [0.95], [0.1, 0.5, 1]),
    });
    const property = fc.asyncProperty(fc.array(fc.tuple(step, question), { minLength: 3, maxLength: 10 }), async (steps) => {
      for (const [what, { ends, unit: length, ...rest }] of steps) {
        if (what === 'fold') await fold();
        else if (typeof what === 'number') await close({ daysAtOnce: what });
        else
          await insertRolledUp(
            test.database,
            what.map((fields) => event(fields.endMs, fields)),
          );
        const [from, to] = ends.toSorted((a, b) => a - b).map((at) => Math.floor(at / length) * length);
        if (from !== undefined && to !== undefined && from < to) await agrees(from, to, rest);
      }
      await agrees(begin, today, { groupBy: 'name' });
    });
    await fc.assert(property, { numRuns: 25 });
    await fold();
    await close();
    const { rollups } = await verifyArchive({ database: test.database });
    assert.deepEqual(rollups.problems, []);
  });

  it('changes nothing when its process or its connection dies amid it', async () => {
    await eachDay();
    await fold();
    await dieAmid(test, 'table keepwatch.closed_days in share mode', (own) =>
      closeDays({ ...runOf(own), settleSeconds: 0, againSeconds: 0 }),
    );
    assert.deepEqual(await closed(), []);
    await agrees(begin, today);
    await close();
    assert.equal((await closed()).length, DAYS);
    await agrees(begin, today);
  });

  it('does nothing without the lease', async () => {
    await eachDay();
    await fold();
    await test.database.none("update keepwatch.lease set holder = 'other'");
    assert.equal(await close(), 0);
    assert.deepEqual(await closed(), []);
  });

  it('tells of a closed day that is not its hours', async () => {
    await eachDay();
    await fold();
    await close();
    const day = new Date(begin + DAY_MS);
    for (const change of ['rows = rows + 1', 'hc[1] = hc[1] + 1', 'min_us = 0']) {
      await test.database.none(`update keepwatch.rollup_days set ${change} where bucket = $<day>`, { day });
      const { ok, rollups } = await verifyArchive({ database: test.database });
      assert.deepEqual([ok, rollups.differences, rollups.problems[0]?.kind], [false, 1, 'rollup_days']);
      assert.match(
        rollups.problems[0]?.message ?? '',
        /^rollups of the day .*T00:00:00.000Z, shop api .*: its hours say .*, the rollup /,
      );
      await test.database.none('update keepwatch.closed_days set is_changed = true where day = $<day>', { day });
      assert.equal((await verifyArchive({ database: test.database })).rollups.differences, 0, 'open days are nothing to go by');
      assert.equal(await close(), 1);
      assert.equal((await verifyArchive({ database: test.database })).rollups.differences, 0);
    }
  });
});
