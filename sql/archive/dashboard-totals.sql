-- All that ended in [from, to).
-- Parameters: from, to (milliseconds since the epoch), type, service (null: all).
-- Rows: one, or none when nothing ended: count, failures, aborted, total_us, quantiles_us (0.5, 0.95, 0.99; null: all were aborted).
select count::float8 as count, failures::float8 as failures, aborted::float8 as aborted, total_us::float8 as total_us, quantiles_us
from keepwatch.measure(to_timestamp($<from>::float8 / 1000), to_timestamp($<to>::float8 / 1000), $<type>, null, $<service>, 'all', null,
  '{0.5,0.95,0.99}');
