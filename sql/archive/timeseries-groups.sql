-- The groups of a timeseries with the most executions that ended in [from, to), and how many groups there are.
-- Parameters: from, to (milliseconds since the epoch), type, name, service (null: all), groupBy (as keepwatch.measure has it), limit.
-- Rows: value (null: without the label), groups (of all); the busiest first.
select value, (count(*) over ())::integer as groups
from keepwatch.measure(to_timestamp($<from>::float8 / 1000), to_timestamp($<to>::float8 / 1000), $<type>, $<name>, $<service>, $<groupBy>)
order by count desc, value nulls last
limit $<limit>;
