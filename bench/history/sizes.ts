// What rollups take of the disk, per event that they count, where a series has a hundred events in each minute, or more.
import type { Database } from '../../src/db/database.ts';
import type { Table } from '../report.ts';
import { writeRollups } from '../write-rollups.ts';

const SERIES = 20;
/** Events a minute of each series, and for how many hours. */
const DENSITIES = [
  [100, 24],
  [300, 8],
  [1000, 2],
] as const;

/** Rollups of no raw rows: durations as in the past. They lie in a month of their own. */
const DENSE = `
  create unlogged table dense as
  select $<from>::timestamptz + minute * interval '1 minute' as minute, series as series_id, status, keepwatch.bucket_of(us) as bucket, count(*) as count,
    sum(us) as sum_us, min(us) as min_us, max(us) as max_us
  from (
    select minute, series, case when random() < 0.02 then 'failure' else 'success' end as status,
      keepwatch.duration_us(exp(3 + 1.2 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))) as us
    from generate_series(0, $<minutes> - 1) as minute
    cross join generate_series(1, $<series>) as series
    cross join generate_series(1, $<density>) as event
  ) as drawn
  group by 1, 2, 3, 4`;
const RAW_SIZE = `
  select sum(pg_total_relation_size(inhrelid))::float8 as raw from pg_inherits where inhparent = 'keepwatch.observability_metrics'::regclass`;
const SIZES = `
  select pg_total_relation_size('keepwatch.rollup_minutes_p' || $<month>)::float8 as minutes,
    pg_total_relation_size('keepwatch.rollup_hours_p' || $<month>)::float8 as hours`;

/** @param rows raw rows that are there @param until the end of their past, of which nothing reaches into the months from the fourth before on */
export async function measureSizes(
  database: Database,
  { rows, until, isQuick }: { readonly rows: number; readonly until: Date; readonly isQuick: boolean },
): Promise<Table> {
  const { raw } = await database.one<{ raw: number }>(RAW_SIZE);
  const rowOf = (contender: string, bytes: number) => ({ contender, cells: [bytes, (100 * bytes * rows) / raw] });
  const found = [rowOf('raw rows', raw / rows)];
  for (const [index, [density, fullHours]] of DENSITIES.entries()) {
    const [series, hours] = isQuick ? [1, 1] : [SERIES, fullHours];
    const from = new Date(Date.UTC(until.getUTCFullYear(), until.getUTCMonth() - 4 - index, 1));
    await database.any('select keepwatch.ensure_rollup_partitions($<from>, $<from>)', { from });
    await database.none(DENSE, { from, series, density, minutes: hours * 60 });
    await writeRollups(database, 'dense');
    await database.none('drop table dense');
    const month = from.toISOString().slice(0, 7).replace('-', '');
    const sizes = await database.one<{ minutes: number; hours: number }>(SIZES, { month });
    const events = series * density * hours * 60;
    found.push(rowOf(`minutes, ${density} events in each of a series`, sizes.minutes / events));
    found.push(rowOf(`hours, ${density} events in each minute of a series`, sizes.hours / events));
  }
  return {
    title: 'Bytes an event, indexes included, of raw rows and rollups',
    columns: [
      { name: 'bytes', digits: 2 },
      { name: '% of raw', digits: 2 },
    ],
    rows: found,
  };
}
