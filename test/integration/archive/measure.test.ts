// keepwatch.measure against brute force on every raw row: whatever the range, the steps and the groups, bit by bit.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Lease } from '../../../src/archive/maintenance/lease.ts';
import { closeDays } from '../../../src/archive/rollups/close-days.ts';
import { createHistory } from '../../support/history.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const PROPERTY_RUNS = 60;

interface Question {
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly type: string | null;
  readonly name: string | null;
  readonly service: string | null;
  readonly groupBy: string | null;
  readonly step: string | null;
}

const MEASURE = `
  select bucket, service, type, name, value, count::float8, failures::float8, aborted::float8, total_us::float8, min_us::float8, max_us::float8, quantiles_us
  from keepwatch.measure(to_timestamp($<from>::float8 / 1000), to_timestamp($<to>::float8 / 1000), $<type>, $<name>, $<service>, $<groupBy>,
    $<step>::interval, '{0,0.07,0.5,0.95,0.999,1}')`;

/** Each execution is a row here, as often as its weight says. */
const BRUTE_FORCE = `
  with executions as (
    select date_bin(coalesce($<step>, '1 day')::interval, end_time, '1970-01-05 00:00:00+00') as bucket, status, us,
      case when $<groupBy> = 'series' then service end as service, case when $<groupBy> = 'series' then type end as type,
      case when $<groupBy> = 'series' then name end as name,
      case $<groupBy> when 'series' then null when 'all' then null when 'service' then service when 'type' then type when 'name' then name
        when 'status' then status else labels ->> $<groupBy> end as value
    from history
    cross join generate_series(1, weight)
    where end_time >= to_timestamp($<from>::float8 / 1000) and end_time < to_timestamp($<to>::float8 / 1000)
      and ($<type> is null or type = $<type>) and ($<name> is null or name = $<name>) and ($<service> is null or service = $<service>)
  ), answered as (
    select case when $<step> is not null then bucket end as bucket, service, type, name, value, count(*)::float8 as count,
      (count(*) filter (where status = 'failure'))::float8 as failures, (count(*) filter (where status = 'aborted'))::float8 as aborted,
      coalesce(sum(us) filter (where status <> 'aborted'), 0)::float8 as total_us, (min(us) filter (where status <> 'aborted'))::float8 as min_us,
      (max(us) filter (where status <> 'aborted'))::float8 as max_us,
      percentile_disc('{0,0.07,0.5,0.95,0.999,1}'::float8[]) within group (order by us) filter (where status <> 'aborted') as exact
    from executions group by 1, 2, 3, 4, 5
  )
  select bucket, service, type, name, value, count, failures, aborted, total_us, min_us, max_us,
    array(
      select greatest(min_us, least(max_us, keepwatch.bucket_value(keepwatch.bucket_of(us))))
      from unnest(coalesce(exact, array_fill(null::bigint, '{6}'))) with ordinality as quantile (us, position) order by position
    ) as quantiles_us
  from answered`;

describe('keepwatch.measure', () => {
  const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS + 17_123;
  const rawFrom = (Math.floor(now / DAY_MS) - 2) * DAY_MS;
  let test: TestDatabase;

  before(async function () {
    this.timeout(120_000);
    test = await createTestDatabase();
    await createHistory(test.database, { rows: 20_000, now: new Date(now), rawFrom: new Date(rawFrom) });
  });
  after(() => test.drop());

  async function agrees(question: Question): Promise<number> {
    /** Where raw rows are gone, a minute is the smallest part. */
    const kept = (at: number) => (at < rawFrom ? Math.floor(at / MINUTE_MS) * MINUTE_MS : at);
    const [given, expected] = await Promise.all([
      test.database.any<object>(MEASURE, question),
      test.database.any<object>(BRUTE_FORCE, {
        ...question,
        groupBy: question.groupBy ?? 'all',
        from: kept(question.from),
        to: kept(question.to),
      }),
    ]);
    assert.deepEqual(sorted(given), sorted(expected));
    return given.length;
  }

  const whole: Question = {
    from: now - 8 * DAY_MS,
    to: now + HOUR_MS,
    type: null,
    name: null,
    service: null,
    groupBy: 'series',
    step: null,
  };

  it('counts, adds up and ranks every series of the whole past', async () => {
    assert.equal(await agrees(whole), 20);
  });

  for (const groupBy of [null, 'all', 'service', 'type', 'name', 'status', 'model', 'tenant_id', 'never_seen']) {
    it(`groups by ${groupBy}`, async () => {
      assert.ok((await agrees({ ...whole, from: now - 2 * HOUR_MS - 7, to: now, groupBy })) > 0);
    });
  }

  for (const step of ['1 second', '7.5 minutes', '1 minute', '1 hour', '90 minutes', '1 day', '7 days']) {
    it(`goes in steps of ${step}`, async () => {
      const from = step === '1 second' || step === '1 minute' ? now - HOUR_MS - 7 : rawFrom + 7;
      assert.ok((await agrees({ ...whole, from, to: now, groupBy: 'type', step })) > 0);
    });
  }

  describe('with days that are closed', () => {
    before(async () => {
      const lease = new Lease({ database: test.database, name: 'rollups', holder: 'test', seconds: 60 });
      assert.ok((await closeDays({ database: test.database, lease, shouldStop: () => false, daysAtOnce: 100 })) >= 8);
    });

    for (const step of [null, '1 hour', '90 minutes', '1 day', '2 days', '7 days']) {
      it(`answers in steps of ${step}`, async () => {
        for (const groupBy of ['series', 'status', 'model']) await agrees({ ...whole, groupBy, step });
      });
    }

    it('answers whichever of them are open', async function () {
      this.timeout(120_000);
      const open = fc.array(fc.boolean(), { minLength: 9, maxLength: 9 });
      const property = fc.asyncProperty(range, open, fc.constantFrom(null, '1 day', '3 days'), async (between, isOpen, step) => {
        await test.database.none(
          `update keepwatch.closed_days set is_changed = ($<isOpen>::boolean[])[1 + ($<today>::timestamptz at time zone 'UTC')::date - day]
           where ($<today>::timestamptz at time zone 'UTC')::date - day < 9`,
          { isOpen, today: new Date(now) },
        );
        await agrees({ ...whole, ...between, to: Math.min(between.to + 3 * DAY_MS, now), groupBy: 'type', step });
      });
      await fc.assert(property, { numRuns: 20 });
    });
  });

  const range = fc
    .tuple(
      fc.integer({ min: 0, max: 8 * DAY_MS }),
      fc.integer({ min: 1, max: 2 * DAY_MS }),
      fc.constantFrom(1, 1000, MINUTE_MS, HOUR_MS),
    )
    .map(([ago, length, unit]) => {
      const from = Math.floor((now - ago) / unit) * unit;
      return { from, to: from + Math.max(1, Math.floor(length / unit)) * unit };
    });
  const question = fc.record({
    type: fc.constantFrom(null, 'api', 'llm', 'agent', 'connector'),
    name: fc.constantFrom(null, null, 'search', 'chat', 'POST /chat'),
    service: fc.constantFrom(null, null, 'shop', 'chat-api'),
    groupBy: fc.constantFrom('series', 'all', 'service', 'status', 'model', 'http_response_status_code'),
    step: fc.constantFrom(null, null, '5 minutes', '1 hour', '2 hours', '100 minutes'),
  });

  it('answers any range as brute force on raw rows does', async function () {
    this.timeout(120_000);
    const property = fc.asyncProperty(range, question, async (between, rest) => {
      await agrees({ ...between, ...rest });
    });
    await fc.assert(property, { numRuns: PROPERTY_RUNS });
  });

  it('gives the same wherever a range is cut', async function () {
    this.timeout(60_000);
    const property = fc.asyncProperty(range, fc.double({ min: 0, max: 1, noNaN: true }), async ({ from, to }, share) => {
      const cut = Math.round(from + (to - from) * share);
      if (cut === from || cut === to) return;
      const count = async (start: number, end: number) =>
        (
          await test.database.one<{ count: number }>(
            'select coalesce(sum(count), 0)::float8 as count from keepwatch.measure(to_timestamp($1::float8 / 1000), to_timestamp($2::float8 / 1000))',
            [start, end],
          )
        ).count;
      assert.equal((await count(from, cut)) + (await count(cut, to)), await count(from, to));
    });
    await fc.assert(property, { numRuns: 20 });
  });

  for (const [what, sql, message] of [
    [
      'a range that ends before it begins',
      `keepwatch.measure(now(), now() - interval '1 hour')`,
      /from_time: got .*; allowed: a moment before to_time/,
    ],
    ['an empty range', 'keepwatch.measure(now(), now())', /from_time: got/],
    ['no range', 'keepwatch.measure(null, now())', /from_time: got null/],
    ['an endless range', `keepwatch.measure('-infinity', now())`, /from_time: got -infinity/],
    [
      'a step that does not move',
      `keepwatch.measure(now() - interval '1 hour', now(), step => '0')`,
      /step: got 00:00:00; allowed: at most 50000/,
    ],
    ['a step back', `keepwatch.measure(now() - interval '1 hour', now(), step => '-1 minute')`, /step: got/],
    [
      'too many steps',
      `keepwatch.measure(now() - interval '400 days', now(), step => '1 minute')`,
      /step: got 00:01:00; allowed: at most 50000 steps/,
    ],
    [
      'parts of minutes where raw rows are gone',
      `keepwatch.measure(now() - interval '7 days', now(), step => '90 seconds')`,
      /step: got 00:01:30; allowed: whole minutes/,
    ],
    [
      'a quantile that is none',
      `keepwatch.measure(now() - interval '1 hour', now(), quantiles => '{95}')`,
      /quantiles: got \{95\}; allowed: 0 to 1/,
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(test.database.any(`select * from ${sql}`), message);
    });
  }
});

describe('keepwatch.measure, before maintenance has made all rollups', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  const INSERT = `
    insert into keepwatch.observability_metrics (id, start_time, end_time, created_at, duration_ms, source_id, name, type, status, service)
    values (gen_random_uuid(), $<end>, $<end>, $<created>, 5, $<source>, 'search', 'tool', 'success', 'shop')`;

  it('reads the raw rows of days and batches that are still to be added, each once', async () => {
    const { started_at: start } = await test.database.one<{ started_at: Date }>('select started_at from keepwatch.rollup_start');
    const at = (ms: number) => new Date(start.getTime() + ms);
    const day = at(-DAY_MS).toISOString().slice(0, 10);
    await test.database.none('insert into keepwatch.rollup_history values ($1)', [day]);
    await test.database.none(`insert into keepwatch.rollup_backlog values (8, 'rest', $<at>), (8, 'keep', $<at>)`, {
      at: at(9000),
    });
    const rows = [
      { end: at(-DAY_MS), created: at(-DAY_MS), source: 7 },
      // Of that day as well, with its rollups: it came later.
      { end: at(-DAY_MS), created: at(5000), source: 7 },
      // Of another day, and its rollups are made.
      { end: at(-3 * DAY_MS), created: at(-3 * DAY_MS), source: 7 },
      { end: at(-2 * HOUR_MS), created: at(9000), source: 8 },
      { end: at(-2 * HOUR_MS), created: at(9000), source: 7 },
    ];
    for (const row of rows) await test.database.none(INSERT, row);
    const [range] = await test.database.any(
      `select count::integer, quantiles_us from keepwatch.measure(date_trunc('hour', $<from>::timestamptz), date_trunc('hour', $<to>::timestamptz) + interval '1 hour',
        group_by => 'all', quantiles => '{1}')`,
      { from: at(-4 * DAY_MS), to: at(0) },
    );
    assert.deepEqual(range, { count: 2, quantiles_us: [5000] });
  });
});

function sorted(rows: readonly object[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
