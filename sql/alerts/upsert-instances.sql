-- Writes the state of series. Parameters: group, instances (JSON array of StoredInstance, src/alerts/instance-row.ts). No rows.
insert into keepwatch.alert_instance (group_name, rule_uid, rule, fingerprint, state, incident_id, held_ms, history, missed, step, told_step,
  is_told, suppressed, value, labels, row, annotations, active_at, fired_at, ran_at, last_slot)
select $<group>, rule_uid, rule, decode(fingerprint, 'hex'), state, incident_id, held_ms, history, missed, step, told_step,
  is_told, suppressed, value::float8, labels, "row", annotations,
  to_timestamp(active_at_ms / 1000), to_timestamp(fired_at_ms / 1000), to_timestamp(ran_at_ms / 1000), to_timestamp(last_slot_ms / 1000)
from jsonb_to_recordset($<instances:json>::jsonb)
  as given(rule_uid text, rule text, fingerprint text, state text, incident_id uuid, held_ms bigint, history bigint, missed integer,
    step smallint, told_step smallint, is_told boolean, suppressed text, value text, labels jsonb, "row" jsonb, annotations jsonb,
    active_at_ms double precision, fired_at_ms double precision, ran_at_ms double precision, last_slot_ms double precision)
on conflict (rule_uid, fingerprint) do update
  set group_name = excluded.group_name, rule = excluded.rule, state = excluded.state, incident_id = excluded.incident_id,
    held_ms = excluded.held_ms, history = excluded.history, missed = excluded.missed, step = excluded.step, told_step = excluded.told_step,
    is_told = excluded.is_told, suppressed = excluded.suppressed, value = excluded.value, labels = excluded.labels, row = excluded.row, annotations = excluded.annotations,
    active_at = excluded.active_at, fired_at = excluded.fired_at, ran_at = excluded.ran_at, last_slot = excluded.last_slot, updated_at = now();
