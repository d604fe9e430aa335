// keepwatch.usage() gives what the raw rows give, at every moment: hours closed or not, opened again by what comes late, half of an hour, erased.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { USAGE_LABELS } from '../../../../src/alerts/definitions/budget-retention.ts';
import { createMatcher } from '../../../../src/archive/erase/criteria.ts';
import { eraseTables, listEventTables } from '../../../../src/archive/erase/erase-rows.ts';
import { Lease } from '../../../../src/archive/maintenance/lease.ts';
import { expirePartitions } from '../../../../src/archive/maintenance/retention.ts';
import { foldRollups } from '../../../../src/archive/rollups/fold.ts';
import { createRollupUpkeep } from '../../../../src/archive/rollups/upkeep.ts';
import { closeUsage, removeExpiredUsage } from '../../../../src/archive/rollups/usage.ts';
import { verifyArchive } from '../../../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase } from '../../../../src/db/database.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { dieAmid } from '../../../support/dying-connection.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { insertRolledUp, type PlainEvent } from '../../../support/rolled-up.ts';
import { waitFor } from '../../../support/wait-for.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const TOKENS = [
  'input',
  'cached_input',
  'cache_write',
  'cache_write_1h',
  'output',
  'reasoning',
  'audio_input',
  'audio_output',
  'total',
];
const SUMS = ['cost_usd', ...TOKENS.map((bucket) => `${bucket}_tokens`), 'records'];

/** What raw rows say of a range, by service, type and labels, in a form that can be compared: told by jsonb alone, without our functions. */
const TRUTH = `
  with event as (
    select end_time, service, type, weight, metadata,
      (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(metadata) where key = any ($<labels>) and value <> 'null') as labels
    from keepwatch.observability_metrics
    where end_time >= $<from> and end_time < $<to>
      and (type = 'llm' or exists (select from jsonb_object_keys(metadata) as key where key = any ($<sums>) or key = 'time_to_first_token_ms'))
  ), number as (
    select service, type, labels, $<bucket:raw> as bucket, key, sum(weight * least(greatest((value #>> '{}')::numeric, -1e15), 1e15)) as total
    from event cross join lateral jsonb_each(metadata) where key = any ($<sums>) and jsonb_typeof(value) = 'number'
    group by 1, 2, 3, 4, 5
  ), first as (
    select service, type, labels, $<bucket:raw> as bucket, keepwatch.bucket_of(keepwatch.duration_us(least((metadata ->> 'time_to_first_token_ms')::numeric, 1e15)::float8)) as b,
      sum(weight)::bigint as c
    from event where jsonb_typeof(metadata -> 'time_to_first_token_ms') = 'number'
    group by 1, 2, 3, 4, 5
  ), key as (select service, type, labels, $<bucket:raw> as bucket, sum(weight)::int as count from event group by 1, 2, 3, 4)
  select bucket, service, type, labels, count,
    (select coalesce(jsonb_object_agg(number.key, trim_scale(total)), '{}') from number where (number.service, number.type, number.labels, number.bucket) = (key.service, key.type, key.labels, key.bucket)) as sums,
    (select coalesce(jsonb_object_agg(b, c), '{}') from first where (first.service, first.type, first.labels, first.bucket) = (key.service, key.type, key.labels, key.bucket)) as first
  from key order by 1, 2, 3, 4`;

const USAGE = `
  with part as materialized (select * from keepwatch.usage(step => $<step>::interval, from_time => $<from>, to_time => $<to>))
  select bucket, service, type, labels, sum(count)::int as count,
    jsonb_strip_nulls(jsonb_build_object(${SUMS.map((sum) => `'${sum}', trim_scale(sum(${sum}))`).join(', ')})) as sums,
    (
      select coalesce(jsonb_object_agg(b, c), '{}')
      from (
        select b, sum(c)::bigint as c
        from part as own, unnest(first_token_hb, first_token_hc) as cell (b, c)
        where (own.bucket, own.service, own.type, own.labels) = (part.bucket, part.service, part.type, part.labels)
        group by b
      ) as cells
    ) as first
  from part group by 1, 2, 3, 4 order by 1, 2, 3, 4`;

describe('keepwatch.usage', function () {
  this.timeout(120_000);
  let test: TestDatabase;
  /** A whole hour; events ended in the two days before. */
  const nowMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  beforeEach(async () => {
    test = await createTestDatabase();
    await test.database.any('select keepwatch.ensure_partitions($1, $2)', [
      new Date(nowMs - 4 * DAY_MS),
      new Date(nowMs + HOUR_MS),
    ]);
  });
  afterEach(() => test.drop());

  const run = () => {
    const { database } = test;
    return { database, lease: new Lease({ database, name: 'rollups', holder: 'test', seconds: 60 }), shouldStop: () => false };
  };
  const fold = () => foldRollups({ ...run(), settleSeconds: -7200 });
  const close = (more = {}) => closeUsage({ ...run(), settleSeconds: 0, ...more });
  const closedHours = async () => {
    const sql = 'select count(*)::int as hours from keepwatch.usage_closings where closed_at is not null and reopened_at is null';
    return (await test.database.one<{ hours: number }>(sql)).hours;
  };
  async function assertTrue(fromMs: number, toMs: number, step: string | null = null): Promise<number> {
    const bucket =
      step === null ? `date_trunc('hour', end_time, 'UTC')` : `date_bin('${step}', end_time, '1970-01-05 00:00:00+00')`;
    const range = { from: new Date(fromMs), to: new Date(toMs), step };
    const expected = await test.database.any(TRUTH, { ...range, bucket, sums: SUMS, labels: USAGE_LABELS });
    assert.deepEqual(await test.database.any(USAGE, range), expected);
    return expected.length;
  }
  const call = (endMs: number, metadata: Readonly<Record<string, unknown>> = {}, weight = 1): PlainEvent => ({
    ...{ service: 'chat', type: 'llm', name: 'ask', status: 'success', durationMs: 5, endMs, weight, metadata },
  });

  const number = fc.oneof(
    fc.nat(5000),
    fc.constantFrom<unknown>(0, -3, 0.000000001, 1e300, -1e300, 1234567.123456789, '7', true, null, 'free', [1], { n: 1 }),
  );
  const metadata = fc.dictionary(
    fc.constantFrom(...SUMS, 'time_to_first_token_ms', 'time_to_first_token_ms', 'user_id'),
    number,
    { maxKeys: 6 },
  );
  const labels = fc.dictionary(fc.constantFrom(...USAGE_LABELS, 'region'), fc.constantFrom('a', "b'c", '', 3, true), {
    maxKeys: 3,
  });
  const event = fc
    .record({
      service: fc.constantFrom('chat', 'shop'),
      type: fc.constantFrom('llm', 'llm', 'connector', 'api'),
      ago: fc.nat(2 * DAY_MS),
      weight: fc.constantFrom(1, 1, 3),
      metadata: fc.tuple(labels, metadata).map(([own, used]) => ({ ...own, ...used })),
    })
    .map(({ service, type, ago, weight, metadata: all }) => ({ ...call(nowMs - ago - 1, all, weight), service, type }));
  const action = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('archive' as const), events: fc.array(event, { minLength: 1, maxLength: 30 }) }),
    },
    { weight: 3, arbitrary: fc.constant({ kind: 'fold' as const }) },
    { weight: 3, arbitrary: fc.constant({ kind: 'close' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'erase' as const }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('ask' as const),
        ends: fc.tuple(fc.nat(2 * DAY_MS), fc.nat(2 * DAY_MS)),
        isWhole: fc.boolean(),
        step: fc.constantFrom(null, '1 hour', '6 hours', '1 day', '2 minutes', '90 minutes'),
      }),
    },
  );

  it('says what raw rows say, whatever has happened to them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 25 }), async (actions) => {
        await test.database.multi(
          'truncate keepwatch.observability_metrics, keepwatch.rollup_deltas, keepwatch.usage_hours, keepwatch.usage_closings',
        );
        for (const one of actions) {
          if (one.kind === 'archive') await insertRolledUp(test.database, one.events);
          if (one.kind === 'fold') await fold();
          if (one.kind === 'close') await close();
          if (one.kind === 'erase') await erase("b'c");
          if (one.kind === 'ask') {
            const [a, b] = one.ends.map((ago) => (one.isWhole ? Math.floor(ago / HOUR_MS) * HOUR_MS : ago));
            await assertTrue(nowMs - Math.max(a ?? 0, b ?? 0) - 1, nowMs - Math.min(a ?? 0, b ?? 0), one.step);
          }
        }
        await assertTrue(nowMs - 2 * DAY_MS - HOUR_MS, nowMs);
      }),
      { numRuns: 25 },
    );
  });

  async function erase(tenant: string): Promise<void> {
    const matcher = createMatcher([{ key: 'tenant_id', value: tenant }]);
    const options = { database: test.database, matcher, from: undefined, until: undefined, isDryRun: false };
    await eraseTables(await listEventTables(options), options);
  }

  it('reads no raw row of closed hours', async () => {
    await insertRolledUp(test.database, [
      call(nowMs - 90 * MINUTE_MS, { cost_usd: 2 }),
      call(nowMs - 30 * MINUTE_MS, { cost_usd: 3 }),
    ]);
    await fold();
    assert.ok((await close()) >= 48);
    await test.database.none('truncate keepwatch.observability_metrics');
    const { usd } = await test.database.one<{ usd: number }>(
      'select sum(cost_usd)::int as usd from keepwatch.usage(from_time => $1, to_time => $2)',
      [new Date(nowMs - 2 * HOUR_MS), new Date(nowMs)],
    );
    assert.equal(usd, 5);
  });

  it('leaves an hour open while it is not over, deltas of it wait, or it was opened a moment ago', async () => {
    await insertRolledUp(test.database, [call(nowMs - 1), call(Date.now())]);
    const hours = (await close()) + 1;
    assert.ok(hours > 72);
    await fold();
    assert.equal(await close(), 1, 'the last one had a delta');
    assert.equal(await close(), 0);
    await insertRolledUp(test.database, [call(nowMs - 1)]);
    await fold();
    assert.equal(await closedHours(), hours - 1);
    assert.equal(await close({ settleSeconds: 60 }), 0, 'more may come late');
    assert.equal(await close(), 1);
  });

  it('knows no more of what was erased, as soon as it is', async () => {
    const metadata = { tenant_id: 'acme', cost_usd: 4 };
    await insertRolledUp(test.database, [call(nowMs - 1, metadata), call(nowMs - 2, metadata), call(nowMs - 3, { cost_usd: 1 })]);
    await fold();
    await close();
    await erase('acme');
    await assertTrue(nowMs - HOUR_MS, nowMs);
    assert.ok((await close()) > 0);
    const { rows } = await test.database.one<{ rows: number }>(
      "select count(*)::int as rows from keepwatch.usage_hours where labels ? 'tenant_id'",
    );
    assert.equal(rows, 0);
  });

  it('keeps what was added up of a day that retention has removed, whatever comes late to it', async () => {
    const endMs = nowMs - 3 * DAY_MS;
    await insertRolledUp(test.database, [call(endMs, { cost_usd: 4 }), call(nowMs - 1, { cost_usd: 1 })]);
    await fold();
    await close();
    const retention = {
      database: test.database,
      lease: new Lease({ database: test.database, name: 'maintenance', holder: 'test', seconds: 60 }),
    };
    await expirePartitions({ ...retention, shouldStop: () => false, retained: 'events', keepMs: 2 * DAY_MS });
    await test.database.any('select keepwatch.ensure_partitions($1, $2)', [new Date(endMs), new Date(endMs)]);
    await insertRolledUp(test.database, [call(endMs, { cost_usd: 100 })]);
    const spent = async () =>
      (
        await test.database.one<{ usd: number }>(
          'select sum(cost_usd)::int as usd from keepwatch.usage(from_time => $1, to_time => $2)',
          [new Date(nowMs - 4 * DAY_MS), new Date(nowMs)],
        )
      ).usd;
    assert.equal(await spent(), 5);
    await fold();
    await close();
    assert.equal(await spent(), 5);
  });

  it('goes with the rollups of its month, and not before its raw rows', async () => {
    const old = (days: number) => new Date(nowMs - days * DAY_MS);
    const hours = [400, 100, 99, 40, 1].map(old);
    await test.database.none(
      `insert into keepwatch.usage_closings (hour, closed_at) select unnest($<hours>::timestamptz[]), now();
       insert into keepwatch.usage_hours (bucket, service, type, labels, count, priced) select unnest($<hours>::timestamptz[]), 'chat', 'llm', '{}', 1, 0`,
      { hours },
    );
    const expire = async (days: number) => {
      const lease = new Lease({ database: test.database, name: 'maintenance', holder: 'test', seconds: 60 });
      const gone = await removeExpiredUsage({ database: test.database, lease, shouldStop: () => false }, days * DAY_MS);
      const left = `select count(*)::int as hours from keepwatch.usage_hours join keepwatch.usage_closings on hour = bucket`;
      return [gone, (await test.database.one<{ hours: number }>(left)).hours];
    };
    const monthBegin = (days: number) => Date.UTC(old(days).getUTCFullYear(), old(days).getUTCMonth());
    const before = (ms: number) => hours.filter((hour) => hour.getTime() < ms).length;
    assert.deepEqual(await expire(500), [0, 5]);
    const first = before(monthBegin(200));
    assert.deepEqual(await expire(200), [first, 5 - first]);
    // Raw rows of 41 days ago are there.
    await test.database.any('select keepwatch.ensure_partitions($1, $1)', [old(41)]);
    assert.deepEqual(await expire(1), [3 - first, 2]);
  });

  for (const [what, change] of [
    ['a sum', 'cost_usd = cost_usd + 0.000000001'],
    ['a count', 'count = count + 1'],
    ['what was not there', 'records = 0'],
    ['a bucket of a histogram', 'first_token_hc = array[2]'],
    ['labels', `labels = '{"team": "b"}'`],
  ] as const) {
    it(`is verified: names the hour and the labels of ${what} that raw rows do not say`, async () => {
      const endMs = nowMs - 1;
      await insertRolledUp(test.database, [
        call(endMs, { cost_usd: 4, team: 'a', time_to_first_token_ms: 300 }),
        call(endMs, { team: 'b' }),
      ]);
      await fold();
      await close();
      assert.deepEqual((await verifyArchive({ database: test.database })).rollups.problems, []);
      await test.database.none(`update keepwatch.usage_hours set ${change} where labels = '{"team": "a"}'`);
      const { ok, rollups } = await verifyArchive({ database: test.database });
      assert.equal(ok, false);
      const [problem] = rollups.problems;
      assert.deepEqual(
        [problem?.kind, problem?.bucket, problem?.name],
        ['usage_hours', new Date(nowMs - HOUR_MS).toISOString(), '{"team": "a"}'],
      );
      assert.match(problem?.message ?? '', /^usage of the hour .*Z, chat llm \{"team": "a"\} : raw rows say \{.*\}, the rollup /);
    });
  }

  it('is closed by the upkeep of rollups', async () => {
    await insertRolledUp(test.database, [call(nowMs - 2 * DAY_MS, { cost_usd: 4 })]);
    const own = createDatabase({ url: test.url, max: 1 });
    const upkeep = createRollupUpkeep({ database: own, holder: 'test', logger: silentLogger });
    upkeep.tick();
    await waitFor(async () => (await closedHours()) > 48);
    await upkeep.stop();
    await closeDatabase(own);
    await assertTrue(nowMs - 3 * DAY_MS, nowMs);
  });

  it('closes no hour when its process dies amid it', async () => {
    await insertRolledUp(test.database, [call(nowMs - 1, { cost_usd: 4 })]);
    await fold();
    await dieAmid(test, 'table keepwatch.usage_hours in access exclusive mode', (own) => {
      const lease = new Lease({ database: own, name: 'another', holder: 'dying', seconds: 60 });
      return closeUsage({ database: own, lease, shouldStop: () => false, settleSeconds: 0 });
    });
    assert.equal(await closedHours(), 0);
    await assertTrue(nowMs - HOUR_MS, nowMs);
  });
});
