-- Puts messages of groups into the outbox, each for those that it replaces. Parameters: messages (JSON array of MessageRow,
-- src/alerts/delivery/message.ts), nowMs (when their groups were looked at), maxAgeMs (when to give up; sooner where what is replaced would be). No rows.
with inserted as (
  insert into keepwatch.notification_outbox (group_name, rule_uid, rule, fingerprint, incident_id, receiver, reason, group_key, version, alerts, dedupe_key,
    payload, expires_at)
  select group_name, rule_uid, rule, decode(fingerprint, 'hex'), thread, receiver, reason, group_key, version, alerts,
    concat_ws(':', group_key, version, $<nowMs>::bigint), payload,
    least(clock_timestamp() + $<maxAgeMs> * interval '1 millisecond', to_timestamp(expires_at_ms / 1000.0::float8))
  from jsonb_to_recordset($<messages:json>::jsonb)
    as given(group_key text, version bigint, thread uuid, receiver text, reason text, rule_uid text, rule text, fingerprint text, group_name text,
      alerts integer, payload jsonb, expires_at_ms float8)
  returning id, group_key, incident_id
)
update keepwatch.notification_outbox as old
set merged_into = inserted.id
from inserted
where old.group_key = inserted.group_key and old.incident_id = inserted.incident_id and old.status = 'merged' and old.merged_into is null;
