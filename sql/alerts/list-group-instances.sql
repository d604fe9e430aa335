-- The state of every series of a group. Parameters: group. Rows: as StoredInstance of src/alerts/commit.ts; times in ms since the epoch.
select rule, encode(fingerprint, 'hex') as fingerprint, state, incident_id, held_ms::float8 as held_ms, value, labels, row, annotations,
  (extract(epoch from active_at) * 1000)::float8 as active_at_ms, (extract(epoch from fired_at) * 1000)::float8 as fired_at_ms,
  (extract(epoch from breached_at) * 1000)::float8 as breached_at_ms, (extract(epoch from last_slot) * 1000)::float8 as last_slot_ms
from keepwatch.alert_instance
where group_name = $<group>;
