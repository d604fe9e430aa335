-- Changes a silence that is still at a version, and not over. Parameters: id, version, matchers, startsAt, endsAt, createdBy, comment. The row, as
-- Silence of src/alerts/delivery/silences.ts; none when it has another version by now, is over, or gone.
update keepwatch.alert_silence
set matchers = $<matchers:json>::jsonb, starts_at = $<startsAt>::timestamptz, ends_at = $<endsAt>::timestamptz,
  created_by = $<createdBy>, comment = $<comment>, version = version + 1, updated_at = now()
where id = $<id> and version = $<version> and ends_at > now()
returning id, matchers,
  json_build_object('state', case when ends_at <= now() then 'expired' when starts_at > now() then 'pending' else 'active' end) as status,
  to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "startsAt",
  to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "endsAt",
  created_by as "createdBy", comment,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt",
  to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "updatedAt", version;
