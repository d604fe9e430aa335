-- Writes the state of series. Parameters: group, instances (JSON array; times in ms since the epoch, value as text). No rows.
insert into keepwatch.alert_instance (group_name, rule, fingerprint, state, incident_id, held_ms, value, labels, row, annotations,
  active_at, fired_at, breached_at, last_slot)
select $<group>, rule, decode(fingerprint, 'hex'), state, incident_id, held_ms, value::float8, labels, "row", annotations,
  to_timestamp(active_at_ms / 1000), to_timestamp(fired_at_ms / 1000), to_timestamp(breached_at_ms / 1000), to_timestamp(last_slot_ms / 1000)
from jsonb_to_recordset($<instances:json>::jsonb)
  as given(rule text, fingerprint text, state text, incident_id uuid, held_ms bigint, value text, labels jsonb, "row" jsonb, annotations jsonb,
    active_at_ms double precision, fired_at_ms double precision, breached_at_ms double precision, last_slot_ms double precision)
on conflict (group_name, rule, fingerprint) do update
  set state = excluded.state, incident_id = excluded.incident_id, held_ms = excluded.held_ms, value = excluded.value, labels = excluded.labels,
    row = excluded.row, annotations = excluded.annotations, active_at = excluded.active_at, fired_at = excluded.fired_at,
    breached_at = excluded.breached_at, last_slot = excluded.last_slot, updated_at = now();
