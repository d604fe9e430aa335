// Quantiles of histograms against exact ones, over five distributions, and however the values were cut into rollups and added up.
// QUANTILE_VALUES: how many values in all; npm run test:quantiles takes 10 million.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const VALUES = Number(process.env['QUANTILE_VALUES'] ?? 200_000);
const TIMEOUT_MS = 600_000;
/** sqrt(2^(1/32)) - 1, within a hair: what a value may differ from the middle of its bucket. */
const MAX_ERROR = 0.010_831;
const QUANTILES = [0, 0.0001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1];

/** Durations in milliseconds. */
const DISTRIBUTIONS = {
  uniform: 'random() * 1000',
  'log-normal': 'exp(3 + 1.5 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))',
  'pareto, a heavy tail': '0.2 / (1 - random()) ^ (1 / 1.1)',
  'bimodal, a cache before a disk': 'case when random() < 0.8 then 0.03 + 0.02 * random() else 80 + 40 * random() end',
  'constant, with spikes': 'case when random() < 0.998 then 5 else 5 + 3000 * random() end',
} as const;

/** What rollups do: histograms of parts, made in any order, and added up once, or first into fewer and then again. */
const COMPARE = `
  with minutes as (
    select minute, array_agg(bucket order by bucket)::smallint[] as hb, array_agg(count order by bucket) as hc
    from (select minute, keepwatch.bucket_of(us) as bucket, count(*) as count from drawn group by 1, 2) as counted
    group by minute
  ), hours as (
    select hour, array_agg(b order by b)::smallint[] as hb, array_agg(c order by b) as hc
    from (select minute % 7 as hour, b, sum(c)::bigint as c from minutes cross join unnest(hb, hc) as pair (b, c) group by 1, 2) as merged
    group by hour
  ), from_minutes as (
    select array_agg(b order by b)::smallint[] as hb, array_agg(c order by b) as hc
    from (select b, sum(c)::bigint as c from minutes cross join unnest(hb, hc) as pair (b, c) group by b) as merged
  ), from_hours as (
    select array_agg(b order by b)::smallint[] as hb, array_agg(c order by b) as hc
    from (select b, sum(c)::bigint as c from hours cross join unnest(hb, hc) as pair (b, c) group by b) as merged
  ), from_rows as (
    -- Not even merged: pairs in any order.
    select array_agg(b)::smallint[] as hb, array_agg(c) as hc from (select b, c from minutes cross join unnest(hb, hc) as pair (b, c) order by md5(minute::text)) as pairs
  ), exact as (
    select percentile_disc($<quantiles>::float8[]) within group (order by us) as us, count(*) as n from drawn
  )
  select quantile, exact.us[position]::float8 as exact, keepwatch.histogram_quantile(quantile, from_minutes.hb, from_minutes.hc) as from_minutes,
    keepwatch.histogram_quantile(quantile, from_hours.hb, from_hours.hc) as from_hours,
    keepwatch.histogram_quantile(quantile, from_rows.hb, from_rows.hc) as from_rows, exact.n::float8 as n
  from unnest($<quantiles>::float8[]) with ordinality as wanted (quantile, position), exact, from_minutes, from_hours, from_rows
  order by position`;

describe('quantiles of histograms', () => {
  let test: TestDatabase;
  let patient: Database;
  before(async () => {
    test = await createTestDatabase();
    patient = createDatabase({ url: test.url, max: 1, queryTimeoutMs: TIMEOUT_MS });
  });
  after(async () => {
    await closeDatabase(patient);
    await test.drop();
  });

  for (const [name, milliseconds] of Object.entries(DISTRIBUTIONS)) {
    it(`are within 1.083 % of percentile_disc, and the same for any merge: ${name}`, async function () {
      this.timeout(TIMEOUT_MS);
      const rows = Math.ceil(VALUES / Object.keys(DISTRIBUTIONS).length);
      const compared = await patient.task(async (task) => {
        await task.any('select setseed(0.7)');
        await task.none(
          `create temp table drawn as select i % 1440 as minute, keepwatch.duration_us(${milliseconds}) as us from generate_series(1, $<rows>) as i`,
          { rows },
        );
        const answered = await task.any<Record<'quantile' | 'exact' | 'from_minutes' | 'from_hours' | 'from_rows' | 'n', number>>(
          COMPARE,
          {
            quantiles: QUANTILES,
          },
        );
        await task.none('drop table drawn');
        return answered;
      });
      assert.equal(compared.length, QUANTILES.length);
      for (const { quantile, exact, n, ...estimates } of compared) {
        assert.equal(n, rows);
        const error = Math.abs(estimates.from_minutes - exact) / exact;
        assert.ok(error <= MAX_ERROR, `q ${quantile}: ${estimates.from_minutes} us instead of ${exact}, ${error}`);
        assert.equal(estimates.from_hours, estimates.from_minutes);
        assert.equal(estimates.from_rows, estimates.from_minutes);
      }
    });
  }

  it('take the rank of percentile_disc, of few values too', async () => {
    const durations = fc.array(fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 2 ** 31 })), { minLength: 1, maxLength: 30 });
    const property = fc.asyncProperty(durations, fc.double({ min: 0, max: 1, noNaN: true }), async (values, quantile) => {
      const { exact, given } = await test.database.one<{ exact: number; given: number }>(
        `select keepwatch.bucket_value(keepwatch.bucket_of(percentile_disc($<quantile>::float8) within group (order by us))) as exact,
          keepwatch.histogram_quantile($<quantile>, array_agg(keepwatch.bucket_of(us)), array_agg(1::bigint)) as given
        from unnest($<values>::bigint[]) as us`,
        { values, quantile },
      );
      assert.equal(given, exact);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it('are null of nothing', async () => {
    const { nothing } = await test.database.one<{ nothing: null }>(
      `select keepwatch.histogram_quantile(0.5, '{}', '{}') as nothing`,
    );
    assert.equal(nothing, null);
  });
});
