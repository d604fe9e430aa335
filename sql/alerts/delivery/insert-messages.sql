-- Puts messages of groups into the outbox. Parameters: messages (JSON array of MessageRow, src/alerts/delivery/message.ts), nowMs (when their groups were
-- looked at), maxAgeMs (when to give up). No rows.
insert into keepwatch.notification_outbox (group_name, rule_uid, rule, fingerprint, incident_id, receiver, reason, kind, group_key, version, alerts,
  dedupe_key, payload, expires_at)
select group_name, rule_uid, rule, decode(fingerprint, 'hex'), thread, receiver, reason, kind, group_key, version, alerts,
  concat_ws(':', group_key, version, $<nowMs>::bigint), payload, clock_timestamp() + $<maxAgeMs> * interval '1 millisecond'
from jsonb_to_recordset($<messages:json>::jsonb)
  as given(group_key text, version bigint, thread uuid, receiver text, reason text, kind text, rule_uid text, rule text, fingerprint text,
    group_name text, alerts integer, payload jsonb);
