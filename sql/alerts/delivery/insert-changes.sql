-- Notes what people are to hear of, in the order given. Parameters: group, slot, everyMs, changes (JSON array of ChangeRow,
-- src/alerts/slot-changes.ts). No rows.
insert into keepwatch.notification_change (rule_uid, fingerprint, incident_id, rule, group_name, kind, slot, every_ms, mark, is_latched,
  destination, payload)
select rule_uid, decode(fingerprint, 'hex'), incident_id, rule, $<group>, kind, $<slot>, $<everyMs>, mark, coalesce(is_latched, false),
  destination, payload
from jsonb_to_recordset($<changes:json>::jsonb)
  as given(rule_uid text, fingerprint text, incident_id uuid, rule text, kind text, mark text, is_latched boolean, destination jsonb, payload jsonb);
