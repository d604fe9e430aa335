import assert from 'node:assert/strict';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

/** Three series over ten days of hours; in one hour of twenty everything is a thousand times faster, so that no sample is like it. */
const ROLLUPS = `
  insert into keepwatch.observability_series (series_id, service, type, name, labels)
  select n, 'shop', 'api', 'GET /' || n, jsonb_build_object('http_route', '/' || n % 2) from generate_series(1, 3) as n;
  insert into keepwatch.rollup_hours
  select hour, n, status, sum(count), sum(count), sum(count * us), min(us), max(us), array_agg(keepwatch.bucket_of(us) order by us), array_agg(count order by us)
  from generate_series($<from>::timestamptz, $<to>::timestamptz - interval '1 hour', '1 hour') with ordinality as hours (hour, position),
    generate_series(1, 3) as n, (values ('success', 0), ('failure', 1), ('aborted', 2)) as statuses (status, s),
    lateral (
      select ((1 + k + s) * power(1.4, k) * 1000 * case when position % 20 = 7 then 1 else 1000 end + position * n)::bigint as us,
        (1 + (position * 7 + n * 3 + k * 5) % 40)::bigint as count
      from generate_series(0, 14) as k
    ) as cells
  group by hour, n, status`;

describe('keepwatch.measure, in steps', () => {
  const to = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000);
  const from = new Date(to.getTime() - 10 * 86_400_000);
  let test: TestDatabase;

  before(async () => {
    test = await createTestDatabase();
    await test.database.any('select keepwatch.ensure_rollup_partitions($<from>, $<to>)', { from, to });
    await test.database.none(ROLLUPS, { from, to });
  });
  after(() => test.drop());

  for (const quantiles of ['{}', '{0.95}', '{0.99,0.5}', '{0,0.95,1}']) {
    for (const [groupBy, step] of [
      ['all', '1 hour'],
      ['name', '3 hours'],
      ['http_route', '1 day'],
      ['status', '1 hour'],
    ]) {
      it(`says of each step what it says of that step alone: ${groupBy}, ${step}, quantiles ${quantiles}`, async function () {
        this.timeout(20_000);
        const values = { from, to, groupBy, step, quantiles };
        const together = await test.database.any(
          `select * from keepwatch.measure($<from>, $<to>, 'api', group_by => $<groupBy>, step => $<step>::interval, quantiles => $<quantiles>::float8[])
           order by bucket, name, value`,
          values,
        );
        const alone = await test.database.any(
          `select steps.bucket, service, type, name, value, count, failures, aborted, total_us, min_us, max_us, quantiles_us
           from generate_series($<from>::timestamptz, $<to>::timestamptz - $<step>::interval, $<step>::interval) as steps (bucket),
             keepwatch.measure(bucket, bucket + $<step>::interval, 'api', group_by => $<groupBy>, quantiles => $<quantiles>::float8[]) as measured
           order by steps.bucket, name, value`,
          values,
        );
        assert.ok(together.length >= 10);
        assert.deepEqual(together, alone);
      });
    }
  }

  it('ranks the quantiles of timeseries that are asked for, and no others', async () => {
    const read = (quantiles: string) =>
      test.database.any<Record<string, number | null>>(
        `select p50_ms, p95_ms, p99_ms, count from keepwatch.timeseries('api', step => interval '1 hour', from_time => $<from>, to_time => $<to>${quantiles})`,
        { from, to },
      );
    const [all, one] = await Promise.all([read(''), read(`, quantiles => '{0.95}'`)]);
    assert.equal(all.length, 240);
    assert.deepEqual(
      one,
      all.map((row) => ({ ...row, p50_ms: null, p99_ms: null })),
    );
  });
});
