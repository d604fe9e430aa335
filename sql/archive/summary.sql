-- Rate, errors and duration of every type and name that ended in [from, to), from rollups and, at ragged ends, raw rows. An execution counts
-- as often as its weight says; aborted ones are counted, and left out of all else.
-- Parameters: from, to (milliseconds since the epoch), type, name, service (null: all).
-- Rows: type, name, count, failures, aborted, success_rate (of those that were not aborted), avg_ms, min_ms, max_ms, p50_ms, p95_ms, p99_ms
-- (null where all were aborted); the busiest first.
select type, name, count::float8 as count, failures::float8 as failures, aborted::float8 as aborted,
  (count - failures - aborted)::float8 / nullif(count - aborted, 0) as success_rate,
  (total_us / nullif(count - aborted, 0) / 1000)::float8 as avg_ms, min_us / 1000.0::float8 as min_ms, max_us / 1000.0::float8 as max_ms,
  quantiles_us[1] / 1000 as p50_ms, quantiles_us[2] / 1000 as p95_ms, quantiles_us[3] / 1000 as p99_ms
from keepwatch.measure(to_timestamp($<from>::float8 / 1000), to_timestamp($<to>::float8 / 1000), $<type>, $<name>, $<service>, 'type,name', null,
  '{0.5,0.95,0.99}')
order by measure.count desc, type, name;
