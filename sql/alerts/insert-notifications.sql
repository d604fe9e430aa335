-- Puts messages into the outbox; one that is there already stays as it is. Parameters: group, maxAgeMs (when to give up), notifications
-- (JSON array). No rows.
insert into keepwatch.notification_outbox (group_name, rule, fingerprint, incident_id, receiver, reason, dedupe_key, payload, expires_at)
select $<group>, rule, decode(fingerprint, 'hex'), incident_id, receiver, reason, incident_id || ':' || reason || ':' || receiver, payload,
  now() + $<maxAgeMs> * interval '1 millisecond'
from jsonb_to_recordset($<notifications:json>::jsonb)
  as given(rule text, fingerprint text, incident_id uuid, receiver text, reason text, payload jsonb)
on conflict (dedupe_key) do nothing;
