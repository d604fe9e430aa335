-- Changes a silence that is still at a version, and not over. Parameters: id, version, matchers, startsAt, endsAt, createdBy, comment. The row, as
-- SilenceRow of src/alerts/delivery/silences.ts; none when it has another version by now, is over, or gone.
update keepwatch.alert_silence
set matchers = $<matchers:json>::jsonb, starts_at = $<startsAt>::timestamptz, ends_at = $<endsAt>::timestamptz,
  created_by = $<createdBy>, comment = $<comment>, version = version + 1, updated_at = now()
where id = $<id> and version = $<version> and ends_at > now()
returning *, now() as read_at;
