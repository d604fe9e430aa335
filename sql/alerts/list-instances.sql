-- The state of every series of some rules. Parameters: uids (of the rules). Rows: as StoredInstance of src/alerts/instance-row.ts.
select rule_uid, rule, encode(fingerprint, 'hex') as fingerprint, state, incident_id, held_ms::float8 as held_ms, history::float8 as history,
  missed, step, told_step, is_told, suppressed, value, labels, row, annotations,
  (extract(epoch from active_at) * 1000)::float8 as active_at_ms, (extract(epoch from fired_at) * 1000)::float8 as fired_at_ms,
  (extract(epoch from ran_at) * 1000)::float8 as ran_at_ms, (extract(epoch from last_slot) * 1000)::float8 as last_slot_ms
from keepwatch.alert_instance
where rule_uid = any($<uids>::text[]);
