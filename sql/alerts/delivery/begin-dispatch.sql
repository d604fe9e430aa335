-- Begins a piece of the dispatcher's work: only one dispatcher works at a time, until its transaction ends. No parameters. Row: is_mine (false: another
-- one is at work), now_ms (clock of Postgres).
select pg_try_advisory_xact_lock(hashtext('keepwatch'), hashtext('dispatch')) as is_mine,
  (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms;
