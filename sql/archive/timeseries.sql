-- What ended in [from, to), step by step: in all, or for each value. Types, names and services are measured one by one, so that only those
-- that are asked for are read; the values of a label or status at once.
-- Parameters: from, to (milliseconds since the epoch), type, name, service (null: all), groupBy (all, type, name, service, status or a
-- label), values (of groupBy; one null for all), stepSeconds, quantiles (array), now (milliseconds since the epoch).
-- Rows: value, start (seconds since the epoch), seconds (of the step that lie in the range and are over), count, failures, aborted, total_us, quantiles_us;
-- steps without events are left out.
select case when $<groupBy> in ('type', 'name', 'service') then wanted.value else measured.value end as value,
  extract(epoch from measured.bucket)::float8 as start,
  extract(epoch from least(measured.bucket + $<stepSeconds> * interval '1 second', span.until,
    greatest(to_timestamp($<now>::float8 / 1000), greatest(measured.bucket, span.since) + interval '1 second'))
    - greatest(measured.bucket, span.since))::float8 as seconds,
  measured.count::float8 as count, measured.failures::float8 as failures, measured.aborted::float8 as aborted,
  measured.total_us::float8 as total_us, measured.quantiles_us
from keepwatch.measured_range(to_timestamp($<from>::float8 / 1000), to_timestamp($<to>::float8 / 1000), $<stepSeconds> * interval '1 second') as span
cross join unnest($<values>::text[]) as wanted (value)
cross join lateral keepwatch.measure(to_timestamp($<from>::float8 / 1000), to_timestamp($<to>::float8 / 1000),
  case when $<groupBy> = 'type' then wanted.value else $<type> end, case when $<groupBy> = 'name' then wanted.value else $<name> end,
  case when $<groupBy> = 'service' then wanted.value else $<service> end,
  case when $<groupBy> in ('type', 'name', 'service') then 'all' else $<groupBy> end, $<stepSeconds> * interval '1 second',
  $<quantiles>::float8[]) as measured
order by measured.bucket;
