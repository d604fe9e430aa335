-- Transactions that a detachment would wait for: they use the table and have run for over a second. Parameters: parent.
-- One row: readers.
select count(distinct pg_locks.pid)::int as readers
from pg_locks
join pg_stat_activity on pg_stat_activity.pid = pg_locks.pid
where pg_locks.relation = to_regclass('keepwatch.' || quote_ident($<parent>)) and pg_locks.granted
  and pg_stat_activity.xact_start < clock_timestamp() - interval '1 second';
