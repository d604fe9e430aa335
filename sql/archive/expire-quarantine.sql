-- Removes rows of the quarantine that have been there for keepDays (and an hour), and counts them by source, lane and series. What somebody has
-- locked is left to the next time. Parameters: keepDays, limit. One row: events.
with gone as (
  delete from keepwatch.observability_quarantine
  where ctid = any (array(
    select ctid from keepwatch.observability_quarantine
    where created_at < clock_timestamp() - $<keepDays> * interval '1 day' - interval '1 hour' limit $<limit> for update skip locked
  ))
  returning source_id, keepwatch.lane_of(id) as lane, type, left(name, 500) as name
), noted as (
  insert into keepwatch.expired_refusals as expired (source_id, lane, kind, type, name, events)
  select source_id, lane, 'quarantine', type, name, count(*) from gone group by source_id, lane, type, name
  on conflict (source_id, lane, kind, type, name) do update set events = expired.events + excluded.events
)
select count(*)::int as events from gone;
