-- Counts the lines of a detached partition as expired, by source and by level, before it is dropped in the same transaction, as count-expired
-- does events. Parameters: name. One row: rows; none when it is not ours to drop, or not detached yet.
with retiring as (
  select retired.name from keepwatch.retired_partitions as retired
  where retired.name = $<name> and retired.dropped_at is null
    and not exists (select from pg_inherits where inhrelid = to_regclass('keepwatch.' || quote_ident($<name>)))
), counted as materialized (
  select leaf.source_id, keepwatch.log_level_name(leaf.level) as name, count(*) as rows
  from keepwatch.$<name:name> as leaf where exists (select from retiring)
  group by 1, 2
), noted as (
  insert into keepwatch.expired_events as expired (source_id, events)
  select counted.source_id, sum(counted.rows) from counted join keepwatch.sources on sources.source_id = counted.source_id
  group by counted.source_id
  on conflict (source_id) do update set events = expired.events + excluded.events
), noted_by_level as (
  insert into keepwatch.expired_series as expired (source_id, lane, type, name, events)
  select counted.source_id, 'logs', 'log', counted.name, counted.rows
  from counted join keepwatch.sources on sources.source_id = counted.source_id
  on conflict (source_id, lane, type, name) do update set events = expired.events + excluded.events
)
update keepwatch.retired_partitions as retired
set dropped_at = clock_timestamp(), rows = coalesce(retired.rows, 0) + (select coalesce(sum(rows), 0) from counted)
from retiring
where retired.name = retiring.name
returning (select coalesce(sum(rows), 0)::float8 from counted) as rows;
