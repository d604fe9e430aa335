-- Silences whose ids lie in [low, high]: of one id, or of all that begin alike. Parameters: low, high, most (rows). Rows: as Silence of
-- src/alerts/delivery/silences.ts.
select id, matchers,
  json_build_object('state', case when ends_at <= now() then 'expired' when starts_at > now() then 'pending' else 'active' end) as status,
  to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "startsAt",
  to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "endsAt",
  created_by as "createdBy", comment,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt",
  to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "updatedAt", version
from keepwatch.alert_silence
where id between $<low>::uuid and $<high>::uuid
order by id
limit $<most>;
