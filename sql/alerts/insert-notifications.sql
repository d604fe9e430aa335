-- Puts messages into the outbox; one that is there already stays as it is. Parameters: group, maxAgeMs (when to give up), notifications
-- (JSON array; occasion: what tells apart messages of one incident, reason and receiver, or null). No rows.
insert into keepwatch.notification_outbox (group_name, rule_uid, rule, fingerprint, incident_id, receiver, reason, dedupe_key, payload, expires_at)
select $<group>, rule_uid, rule, decode(fingerprint, 'hex'), incident_id, receiver, reason,
  concat_ws(':', incident_id, reason, occasion, receiver), payload, now() + $<maxAgeMs> * interval '1 millisecond'
from jsonb_to_recordset($<notifications:json>::jsonb)
  as given(rule_uid text, rule text, fingerprint text, incident_id uuid, receiver text, reason text, occasion text, payload jsonb)
on conflict (dedupe_key) do nothing;
