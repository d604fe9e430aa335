-- As expire-quarantine, for log lines: a series for each level. Parameters: keepDays, limit. One row: events.
with gone as (
  delete from keepwatch.observability_logs_quarantine
  where ctid = any (array(
    select ctid from keepwatch.observability_logs_quarantine
    where created_at < clock_timestamp() - $<keepDays> * interval '1 day' - interval '1 hour' limit $<limit> for update skip locked
  ))
  returning source_id, keepwatch.log_level_name(level) as name
), noted as (
  insert into keepwatch.expired_refusals as expired (source_id, lane, kind, type, name, events)
  select source_id, 'logs', 'quarantine', 'log', name, count(*) from gone group by source_id, name
  on conflict (source_id, lane, kind, type, name) do update set events = expired.events + excluded.events
)
select count(*)::int as events from gone;
