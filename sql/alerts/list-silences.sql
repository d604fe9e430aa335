-- Silences, those that end last first, behind the one that the cursor names. Parameters: limit, beforeTime, beforeId (null: from the first); each
-- null for all: createdBy; state (pending, active or expired; null: all that are not over). Rows: as Silence of src/alerts/delivery/silences.ts, with
-- position (its end, with microseconds).
select id, matchers,
  json_build_object('state', case when ends_at <= now() then 'expired' when starts_at > now() then 'pending' else 'active' end) as status,
  to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "startsAt",
  to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "endsAt",
  created_by as "createdBy", comment,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt",
  to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "updatedAt", version,
  to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as position
from keepwatch.alert_silence
where ($<state> is not distinct from 'expired' or ends_at > now())
  and ($<state> is distinct from 'expired' or ends_at <= now())
  and ($<state> is distinct from 'pending' or starts_at > now())
  and ($<state> is distinct from 'active' or starts_at <= now())
  and ($<createdBy> is null or created_by = $<createdBy>)
  and ($<beforeTime> is null or (ends_at, id) < ($<beforeTime>::timestamptz, $<beforeId>::uuid))
order by ends_at desc, id desc
limit $<limit>;
