-- Rate, errors and duration of every type and name that ended in [from, to). An event counts as often as its weight says.
-- Parameters: from, to (milliseconds since the epoch), type, name (null: all).
-- Rows: type, name, count, failures, success_rate, avg_ms, min_ms, max_ms, p50_ms, p95_ms, p99_ms; the busiest first.
select type, name,
  sum(weight)::float8 as count,
  coalesce(sum(weight) filter (where status = 'failure'), 0)::float8 as failures,
  coalesce(sum(weight) filter (where status = 'success'), 0)::float8 / sum(weight) as success_rate,
  (sum(duration_ms * weight) / sum(weight))::float8 as avg_ms,
  min(duration_ms) as min_ms,
  max(duration_ms) as max_ms,
  percentile_disc(0.5) within group (order by duration_ms) as p50_ms,
  percentile_disc(0.95) within group (order by duration_ms) as p95_ms,
  percentile_disc(0.99) within group (order by duration_ms) as p99_ms
from keepwatch.observability_metrics
where end_time >= to_timestamp($<from>::float8 / 1000) and end_time < to_timestamp($<to>::float8 / 1000)
  and ($<type> is null or type = $<type>)
  and ($<name> is null or name = $<name>)
group by type, name
order by count desc, type, name;
