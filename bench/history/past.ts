// Thirty days of raw rows and their rollups, made in Postgres: a thousand series, of which the first has a tenth of all; three tenths of all
// rows ended in the last hour, as after a campaign. Rows stand in the order in which they ended, as an archive writes them.
import type { Database } from '../../src/db/database.ts';
import { writeRollups } from '../write-rollups.ts';

export const SERIES = 1000;
/** It ran once, 20 days before the end. */
export const RARE_NAME = 'GET /once';
const DAYS = 30;

export interface Past {
  readonly rows: number;
  /** The end of it, a whole hour. */
  readonly until: Date;
}

const RAW = `
  insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, trace_id, name, type, status, service, span_id, metadata)
  select gen_random_uuid(), end_time - duration_ms * interval '1 millisecond', end_time, duration_ms, 1, md5('trace ' || i / 4)::uuid,
    'GET /things/' || series, 'api', case when random() < 0.02 then 'failure' else 'success' end, 'bench',
    substring(uuid_send(gen_random_uuid()) for 8),
    '{"http_route": "/things/:id", "http_request_method": "GET", "http_response_status_code": "200", "user_id": "user 12345"}'
  from (
    select i, series, exp(3 + 1.2 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())) as duration_ms,
      case
        when i > 0.7 * $<rows> then $<until>::timestamptz - interval '1 hour' * ($<rows> - i) / (0.3 * $<rows>) - interval '1 microsecond'
        -- All but the first series run in the first two minutes of each hour.
        when series > 0 then hour + share * interval '2 minutes' else hour + share * interval '1 hour' end as end_time
    from (
      select i, case when random() < 0.1 then 0 else 1 + floor(random() * ${SERIES - 1})::integer end as series,
        $<until>::timestamptz - interval '${DAYS} days' + floor(i * ${DAYS * 24 - 1} / (0.7 * $<rows> + 1)) * interval '1 hour' as hour,
        i * ${DAYS * 24 - 1} / (0.7 * $<rows> + 1) - floor(i * ${DAYS * 24 - 1} / (0.7 * $<rows> + 1)) as share
      from generate_series($<first>::bigint, $<last>::bigint) as i
    ) as placed
  ) as timed`;

/** An event of a name that ran once. */
const RARE = `
  insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, name, type, status, service)
  select gen_random_uuid(), ended, ended, 5, 1, '${RARE_NAME}', 'api', 'success', 'bench'
  from (select $<until>::timestamptz - interval '20 days' as ended) as times`;

const COUNTED = `
  create unlogged table counted as
  select date_trunc('minute', end_time, 'UTC') as minute, name, status, keepwatch.bucket_of(keepwatch.duration_us(duration_ms)) as bucket,
    count(*) as count, sum(keepwatch.duration_us(duration_ms)) as sum_us, min(keepwatch.duration_us(duration_ms)) as min_us,
    max(keepwatch.duration_us(duration_ms)) as max_us
  from keepwatch.observability_metrics
  group by 1, 2, 3, 4`;
const SERIES_ROWS = `
  insert into keepwatch.observability_series (series_id, service, type, name)
  select keepwatch.series_id('bench', 'api', name), 'bench', 'api', name from (select distinct name from counted) as names`;

/** Fills an empty, migrated archive; two connections write at once. */
export async function createPast(database: Database, { rows, until }: Past, progress: (text: string) => void): Promise<void> {
  const begin = `$<until>::timestamptz - interval '${DAYS} days'`;
  await database.any(
    `select keepwatch.ensure_partitions(${begin}, $<until>), keepwatch.ensure_rollup_partitions(${begin}, $<until>)`,
    { until },
  );
  progress(`history: ${rows.toLocaleString('en')} raw rows`);
  const half = Math.floor(rows / 2);
  await Promise.all([
    database.none(RAW, { rows, until, first: 1, last: half }),
    database.none(RAW, { rows, until, first: half + 1, last: rows }),
  ]);
  await database.none(RARE, { until });
  progress('history: rollups');
  await database.task(async (task) => {
    await task.none(`set work_mem = '256MB'`);
    await task.none(COUNTED);
    await task.none(SERIES_ROWS);
    await task.none('analyze keepwatch.observability_series');
    await writeRollups(task, 'counted join keepwatch.observability_series using (name)');
    await task.none('drop table counted');
    await task.none('reset work_mem');
  });
  progress('history: vacuum');
  for (const table of ['observability_metrics', 'rollup_minutes', 'rollup_hours'])
    await database.none(`vacuum analyze keepwatch.${table}`);
}
