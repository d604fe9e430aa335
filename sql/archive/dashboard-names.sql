-- Every service, type and name that ended in [from, to) and is among the busiest, or among those with the most failures.
-- Parameters: from, to (milliseconds since the epoch), type, service (null: all), limit (of each of the two).
-- Rows: service, type, name, count, failures, aborted, total_us, p95_us (null: all were aborted), busy_place, failure_place (1 is the first), names (how many there are).
select *
from (
  select service, type, name, count::float8 as count, failures::float8 as failures, aborted::float8 as aborted, total_us::float8 as total_us,
    quantiles_us[1] as p95_us, row_number() over (order by count desc, service, type, name)::integer as busy_place,
    row_number() over (order by failures desc, count desc, service, type, name)::integer as failure_place, (count(*) over ())::integer as names
  from keepwatch.measure(to_timestamp($<from>::float8 / 1000), to_timestamp($<to>::float8 / 1000), $<type>, null, $<service>, 'series', null,
    '{0.95}')
) as measured
where busy_place <= $<limit> or failure_place <= $<limit> and failures > 0;
