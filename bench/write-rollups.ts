// Rollups made from histograms of minutes, as folds would have left them.
import type { Database } from '../src/db/database.ts';

const rollup = (table: string, unit: string, cells: string) => `
  insert into keepwatch.${table}
  select bucket, series_id, status, sum(count), sum(count), sum(sum_us), min(min_us), max(max_us), array_agg(b order by b), array_agg(count order by b)
  from (
    select date_trunc('${unit}', minute, 'UTC') as bucket, series_id, status, bucket as b, sum(count)::bigint as count, sum(sum_us)::bigint as sum_us,
      min(min_us) as min_us, max(max_us) as max_us
    from ${cells}
    group by 1, 2, 3, 4
  ) as merged
  group by series_id, bucket, status order by series_id, bucket`;

/** Fills minutes and hours. @param cells what to select from: minute, series_id, status, bucket, count, sum_us, min_us, max_us */
export async function writeRollups(database: Pick<Database, 'none'>, cells: string): Promise<void> {
  await database.none(rollup('rollup_minutes', 'minute', cells));
  await database.none(rollup('rollup_hours', 'hour', cells));
}
