-- Incidents that receivers hear of, or are about to. Parameters: incidents (ids), receivers (names of those that there are; null: whoever asks does
-- not know). Rows: incident_id.
select member.incident_id
from keepwatch.notification_member as member join keepwatch.notification_group as told using (group_key)
where member.incident_id = any($<incidents>::uuid[]) and ($<receivers>::text[] is null or told.receiver = any($<receivers>::text[]))
union
select incident_id
from keepwatch.notification_change
where incident_id = any($<incidents>::uuid[]) and kind = 'tell'
  and ($<receivers>::text[] is null or destination ->> 'receiver' = any($<receivers>::text[]));
