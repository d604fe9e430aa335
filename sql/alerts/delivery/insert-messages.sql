-- Puts messages of groups into the outbox; one that is there already stays as it is, but for one that is sent again on purpose (is_again), which takes
-- the place of the one before. Parameters: messages (JSON array: group_key, version, thread, receiver, reason, kind, rule_uid, rule, fingerprint in
-- hex, group_name, alerts, payload, is_again), maxAgeMs (when to give up). No rows.
insert into keepwatch.notification_outbox as known (group_name, rule_uid, rule, fingerprint, incident_id, receiver, reason, kind, group_key, version,
  alerts, dedupe_key, payload, expires_at)
select group_name, rule_uid, rule, decode(fingerprint, 'hex'), thread, receiver, reason, kind, group_key, version, alerts,
  concat_ws(':', group_key, thread, version), payload, clock_timestamp() + $<maxAgeMs> * interval '1 millisecond'
from jsonb_to_recordset($<messages:json>::jsonb)
  as given(group_key text, version bigint, thread uuid, receiver text, reason text, kind text, rule_uid text, rule text, fingerprint text,
    group_name text, alerts integer, payload jsonb)
on conflict (dedupe_key) do nothing;
