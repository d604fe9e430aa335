-- Makes the monthly partitions that deltas are to be folded into. Parameters: seconds (how long a minute has begun), keepDays (months that are
-- all older get none; null: all do). Those that retention is removing get none either. One row: made.
select coalesce(sum(keepwatch.ensure_rollup_partitions(month, month)), 0)::int as made
from (
  select distinct date_trunc('month', bucket, 'UTC') as month from keepwatch.rollup_deltas
  where bucket < clock_timestamp() - $<seconds> * interval '1 second'
    and bucket >= coalesce(date_trunc('month', clock_timestamp() - $<keepDays> * interval '1 day', 'UTC'), '-infinity')
) as months
where not exists (
  select from keepwatch.retired_partitions as retired
  where retired.name ~ '^rollup_' and retired.dropped_at is null and right(retired.name, 6) = to_char(month at time zone 'UTC', 'YYYYMM')
);
