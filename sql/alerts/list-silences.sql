-- Silences, those that end last first, behind the one that the cursor names. Parameters: limit, beforeTime, beforeId (null: from the first); each
-- null for all: createdBy; state (pending, active or expired; null: all that are not over). Rows: as ListedRow of src/alerts/delivery/silences.ts;
-- position is the end, with microseconds.
select *, now() as read_at, to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as position
from keepwatch.alert_silence
where ($<state> is not distinct from 'expired' or ends_at > now())
  and ($<state> is distinct from 'expired' or ends_at <= now())
  and ($<state> is distinct from 'pending' or starts_at > now())
  and ($<state> is distinct from 'active' or starts_at <= now())
  and ($<createdBy> is null or created_by = $<createdBy>)
  and ($<beforeTime> is null or (ends_at, id) < ($<beforeTime>::timestamptz, $<beforeId>::uuid))
order by ends_at desc, id desc
limit $<limit>;
