-- Makes the monthly partitions that deltas are to be folded into. Parameters: seconds (how long a minute has begun). One row: made.
select coalesce(sum(keepwatch.ensure_rollup_partitions(month, month)), 0)::int as made
from (
  select distinct date_trunc('month', bucket, 'UTC') as month from keepwatch.rollup_deltas
  where bucket < clock_timestamp() - $<seconds> * interval '1 second'
) as months;
