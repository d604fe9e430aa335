-- Records changes of state. Parameters: group, slot, transitions (JSON array; value as text). No rows.
insert into keepwatch.alert_transition (group_name, slot, rule_uid, rule, fingerprint, incident_id, from_state, to_state, reason, step, suppressed,
  value, labels, row)
select $<group>, $<slot>, rule_uid, rule, decode(fingerprint, 'hex'), incident_id, from_state, to_state, reason, step, suppressed,
  value::float8, labels, "row"
from jsonb_to_recordset($<transitions:json>::jsonb)
  as given(rule_uid text, rule text, fingerprint text, incident_id uuid, from_state text, to_state text, reason text, step smallint,
    suppressed text, value text, labels jsonb, "row" jsonb);
