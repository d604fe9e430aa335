-- Ends a silence that is still at a version, and not over. Parameters: id, version. The row, as SilenceRow of src/alerts/delivery/silences.ts; none
-- when it has another version by now, is over, or gone.
update keepwatch.alert_silence
set starts_at = least(starts_at, now()), ends_at = now(), version = version + 1, updated_at = now()
where id = $<id> and version = $<version> and ends_at > now()
returning *, now() as read_at;
