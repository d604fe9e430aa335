// Rollups against raw rows, by brute force: an own statement, which shares nothing with what writes or verifies them but the words of the contract.
import type { Database } from '../../src/db/database.ts';

/** By minute or hour, series with its labels, and status. Labels of a row: its metadata, of which only what the labels of its series name. */
const COMPARE = `
  with bounds as (
    select array(
      select floor(power(2::numeric, place / 32.0))::bigint from generate_series(0, 1600) as place order by place
    ) as list
  ), keys as (
    select distinct on (service, type, name) service, type, name, array(select jsonb_object_keys(labels)) as keys
    from keepwatch.observability_series
    order by service, type, name, (select count(*) from jsonb_object_keys(labels)) desc
  ), event as (
    select date_trunc($<unit>, end_time, 'UTC') as bucket, service, type, name, status, weight,
      (select coalesce(jsonb_object_agg(key, metadata -> key), '{}') from unnest(keys.keys) as key where metadata ? key) as labels,
      round(duration_ms * 1000)::numeric as us
    from keepwatch.observability_metrics left join keys using (service, type, name)
    where $<service> is null or service = $<service>
  ), part as (
    select bucket, service, type, name, status, labels,
      case when us = 0 then -32768 else width_bucket(least(us - 1, 1e18)::bigint, list) - 1 end as b,
      count(*) as rows, sum(weight) as c, sum(weight * us) as sum_us, min(us) as min_us, max(us) as max_us
    from event, bounds group by 1, 2, 3, 4, 5, 6, 7
  ), raw as (
    select bucket, service, type, name, status, labels, sum(rows)::text as rows, sum(c)::text as count, sum(sum_us)::text as sum_us,
      min(min_us)::text as min_us, max(max_us)::text as max_us, string_agg(b || ':' || c, ' ' order by b) as histogram
    from part group by 1, 2, 3, 4, 5, 6
  ), cell as (
    select bucket, service, type, name, status, labels, b, sum(c) as c
    from keepwatch.$<view:name>, unnest(hb, hc) as histogram (b, c) where $<service> is null or service = $<service> group by 1, 2, 3, 4, 5, 6, 7
  ), histogram as (
    select bucket, service, type, name, status, labels, string_agg(b || ':' || c, ' ' order by b) as histogram
    from cell group by 1, 2, 3, 4, 5, 6
  ), total as (
    select bucket, service, type, name, status, labels, sum(rows)::text as rows, sum(count)::text as count, sum(sum_us)::text as sum_us,
      min(min_us)::text as min_us, max(max_us)::text as max_us
    from keepwatch.$<view:name> where $<service> is null or service = $<service> group by 1, 2, 3, 4, 5, 6
  ), rolled as (select * from total left join histogram using (bucket, service, type, name, status, labels))
  select to_jsonb(raw) as raw, to_jsonb(rolled) as rolled
  from raw full join rolled using (bucket, service, type, name, status, labels)
  where (raw.rows, raw.count, raw.sum_us, raw.min_us, raw.max_us, raw.histogram)
    is distinct from (rolled.rows, rolled.count, rolled.sum_us, rolled.min_us, rolled.max_us, rolled.histogram)
  order by bucket limit 5`;

/** The first differences, a line each, of one service or all; empty when rollups equal raw. Days whose raw rows are gone differ. */
export async function compareRollups(database: Pick<Database, 'any'>, service: string | null = null): Promise<string[]> {
  const differences: string[] = [];
  for (const [unit, view] of [
    ['minute', 'observability_rollup_1m'],
    ['hour', 'observability_rollup_1h'],
  ] as const) {
    for (const { raw, rolled } of await database.any<{ raw: unknown; rolled: unknown }>(COMPARE, { unit, view, service })) {
      differences.push(`${unit}: raw ${JSON.stringify(raw)}, rollup ${JSON.stringify(rolled)}`);
    }
  }
  return differences;
}
