-- What is to be added to the rollups next. No parameters. One row: from_day and until_day (the oldest day of before there were rollups; null:
-- none), from_time and until_time (of the batches of older versions, a day of them at most; null: none). Times as ISO 8601 with microseconds.
with history as (select min(day) as day from keepwatch.rollup_history), backlog as (
  select min(archived_at) as from_time, max(archived_at) as until_time
  from keepwatch.rollup_backlog
  where archived_at <= (select min(archived_at) from keepwatch.rollup_backlog) + interval '1 day'
)
select to_char(day, 'YYYY-MM-DD') || 'T00:00:00Z' as from_day, to_char(day + 1, 'YYYY-MM-DD') || 'T00:00:00Z' as until_day,
  to_char(from_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as from_time,
  to_char(until_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as until_time
from history, backlog;
