-- Makes a silence. Parameters: matchers, startsAt, endsAt, createdBy, comment, most (silences at most that are not over). The row, as Silence of
-- src/alerts/delivery/silences.ts; none when there are that many.
insert into keepwatch.alert_silence (matchers, starts_at, ends_at, created_by, comment)
select $<matchers:json>::jsonb, $<startsAt>::timestamptz, $<endsAt>::timestamptz, $<createdBy>, $<comment>
where (select count(*) from keepwatch.alert_silence where ends_at > now()) < $<most>
returning id, matchers,
  json_build_object('state', case when ends_at <= now() then 'expired' when starts_at > now() then 'pending' else 'active' end) as status,
  to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "startsAt",
  to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "endsAt",
  created_by as "createdBy", comment,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt",
  to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "updatedAt", version;
