-- Removes dead letters of keepDays ago (and an hour). What somebody has locked is left to the next time. Parameters: keepDays, limit.
-- Rows: source_id, lane, head (the beginning, with the fields that name the series).
delete from keepwatch.observability_dead_letter
where ctid = any (array(
  select ctid from keepwatch.observability_dead_letter
  where created_at < clock_timestamp() - $<keepDays> * interval '1 day' - interval '1 hour' limit $<limit> for update skip locked
))
returning source_id, lane, substring(payload from 1 for 6000) as head;
