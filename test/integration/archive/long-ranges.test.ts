// Quantiles over so many rollups that most of what lies low in them is not unpacked: whatever they hold, they are those of the merged histogram.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const HOURS = 300;
const QUANTILES = [0.45, 0.5, 0.9, 0.95, 0.99, 1];
const FROM = `timestamptz '2026-01-05 00:00:00+00'`;

interface Hour {
  readonly sum_us: number;
  readonly status: 'success' | 'failure' | 'aborted';
  readonly hb: readonly number[];
  readonly hc: readonly number[];
}

describe('keepwatch.measure of many rollups', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  /** Sums of the rollups that are taken for a sample, and of those that are not. */
  let sampled: number[];
  let others: number[];
  before(async () => {
    test = await createTestDatabase();
    await test.database.any(`select keepwatch.ensure_rollup_partitions(${FROM}, ${FROM} + interval '30 days')`);
    await test.database.none(
      `insert into keepwatch.observability_series (series_id, service, type, name) values (keepwatch.series_id('s', 'api', 'n'), 's', 'api', 'n')`,
    );
    const sums = await test.database.any<{ sum: number; is_sampled: boolean }>(
      'select i as sum, hashint8(i) & 31 = 0 as is_sampled from generate_series(1, 20000) as i',
    );
    sampled = sums.flatMap(({ sum, is_sampled: isSampled }) => (isSampled ? [sum] : []));
    others = sums.flatMap(({ sum, is_sampled: isSampled }) => (isSampled ? [] : [sum]));
  });
  after(() => test.drop());

  async function agrees(hours: readonly Hour[], quantiles = QUANTILES): Promise<void> {
    await test.database.none('truncate keepwatch.rollup_hours');
    await test.database.none(
      `insert into keepwatch.rollup_hours
      select ${FROM} + position * interval '1 hour', keepwatch.series_id('s', 'api', 'n'), status, total, total, sum_us, 0, 9223372036854775807, hb, hc
      from jsonb_to_recordset($<hours>::jsonb) as hour (position integer, status text, sum_us bigint, hb smallint[], hc bigint[])
      cross join lateral (select sum(c)::bigint as total from unnest(hc) as c) as counted`,
      { hours: JSON.stringify(hours.map((hour, position) => ({ position, ...hour }))) },
    );
    const [given] = await test.database.any<{ quantiles_us: number[] }>(
      `select quantiles_us from keepwatch.measure(${FROM}, ${FROM} + interval '20 days', quantiles => $<quantiles>::float8[])`,
      { quantiles },
    );
    const { expected } = await test.database.one<{ expected: number[] }>(
      `select array(
         select keepwatch.histogram_quantile(quantile, hb, hc) from unnest($<quantiles>::float8[]) with ordinality as wanted (quantile, position) order by position
       ) as expected
       from (
         select array_agg(b) as hb, array_agg(c) as hc
         from (
           select b, sum(c)::bigint as c
           from (select unnest(hb) as b, unnest(hc) as c from keepwatch.rollup_hours where status <> 'aborted') as pair group by b
         ) as merged
       ) as whole`,
      { quantiles },
    );
    assert.deepEqual(given?.quantiles_us, expected);
  }

  /** Histograms around a bucket; how often a rollup is one of the sample is the first argument. */
  function hoursOf(share: number, bucketOf: (isSampled: boolean) => number): Hour[] {
    return Array.from({ length: HOURS }, (_, index) => {
      const isSampled = Math.floor((index + 1) * share) > Math.floor(index * share);
      const sum = (isSampled ? sampled : others)[index] ?? 0;
      const from = bucketOf(isSampled);
      return {
        sum_us: sum,
        status: 'success',
        hb: [from, from + 3, from + 10, from + 40],
        hc: [1 + (index % 7), 20, 5, 1 + (index % 3)],
      };
    });
  }

  it('is exact when the sample is slower than the rest, faster, or all there is, and without one', async () => {
    await agrees(hoursOf(1 / 32, (isSampled) => (isSampled ? 600 : 100)));
    await agrees(hoursOf(1 / 32, (isSampled) => (isSampled ? -32_768 : 500)));
    await agrees(hoursOf(1, () => 300));
    await agrees(hoursOf(0, () => 300));
    await agrees(
      hoursOf(1 / 32, (isSampled) => (isSampled ? 600 : 100)),
      [0.95],
    );
  });

  it('is exact for any histograms', async () => {
    const histogram = fc
      .uniqueArray(fc.oneof(fc.constant(-32_768), fc.integer({ min: -1, max: 900 }), fc.integer({ min: 400, max: 440 })), {
        minLength: 1,
        maxLength: 20,
      })
      .chain((buckets) =>
        fc.record({
          hb: fc.constant(buckets.toSorted((a, b) => a - b)),
          hc: fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: buckets.length, maxLength: buckets.length }),
          status: fc.constantFrom('success' as const, 'failure' as const, 'aborted' as const),
          sum_us: fc.integer({ min: 1, max: 1_000_000 }),
        }),
      );
    const property = fc.asyncProperty(
      fc.array(histogram, { minLength: 1, maxLength: HOURS, size: 'max' }),
      fc.uniqueArray(fc.constantFrom(...QUANTILES, 0, 0.1), { minLength: 1 }),
      async (hours, quantiles) => {
        if (hours.some(({ status }) => status !== 'aborted')) await agrees(hours, quantiles);
      },
    );
    await fc.assert(property, { numRuns: 30 });
  });
});
