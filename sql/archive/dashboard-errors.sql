-- What failed most in [from, to), errors that differ in numbers, ids and quoted texts alone taken together; of as long ago as raw rows are kept.
-- Parameters: from, to (milliseconds since the epoch), type, service (null: all), limit.
-- Rows: fingerprint (null: failures without an error), service, type, name, count, last_seen (ISO 8601), example_error, example_trace_id.
select fingerprint, service, type, name, count::float8 as count,
  to_char(last_seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as last_seen, example_error, example_trace_id
from keepwatch.error_fingerprints(type => $<type>, n => $<limit>, service => $<service>, from_time => to_timestamp($<from>::float8 / 1000),
  to_time => to_timestamp($<to>::float8 / 1000));
