// Events in Postgres as the archive leaves them: rows, and what rollups know of them.
import type { Database } from '../../src/db/database.ts';

export interface PlainEvent {
  readonly service: string;
  readonly type: string;
  readonly name: string;
  readonly status: 'success' | 'failure' | 'aborted';
  readonly endMs: number;
  readonly durationMs: number;
  readonly weight: number;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly error?: string;
}

const INSERT = `
  with event as materialized (
    select event.*, to_timestamp("endMs" / 1000) as end_time
    from jsonb_to_recordset($<events>::jsonb) as event
      (service text, type text, name text, status text, "endMs" float8, "durationMs" float8, weight integer, metadata jsonb, error text)
  ), inserted as (
    insert into keepwatch.observability_metrics
      (id, start_time, end_time, duration_ms, source_id, name, type, status, service, weight, metadata, error)
    select gen_random_uuid(), end_time - "durationMs" * interval '1 millisecond', end_time, "durationMs", 1, name, type, status, service, weight,
      coalesce(metadata, '{}'), error
    from event
  ), cell as (
    select date_trunc('minute', end_time, 'UTC') as bucket, keepwatch.series_id(service, type, name) as series_id, service, type, name, status,
      keepwatch.bucket_of(keepwatch.duration_us("durationMs")) as b, count(*) as rows, sum(weight)::bigint as c,
      sum(keepwatch.duration_us("durationMs") * weight)::bigint as sum_us, min(keepwatch.duration_us("durationMs")) as min_us,
      max(keepwatch.duration_us("durationMs")) as max_us
    from event group by 1, 2, 3, 4, 5, 6, 7
  ), series as (
    insert into keepwatch.observability_series (series_id, service, type, name)
    select distinct series_id, service, type, name from cell on conflict do nothing
  )
  insert into keepwatch.rollup_deltas (bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc)
  select bucket, series_id, status, sum(rows), sum(c), sum(sum_us), min(min_us), max(max_us), array_agg(b order by b), array_agg(c order by b)
  from cell group by 1, 2, 3`;

/** Inserts events and their rollups, as one batch of the archive does. */
export async function insertRolledUp(database: Database, events: readonly PlainEvent[]): Promise<void> {
  await database.none(INSERT, { events: JSON.stringify(events) });
}
