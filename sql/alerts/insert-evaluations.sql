-- Records that rules were evaluated for a slot. Parameters: group, slot, partial, evaluations (JSON array of rule, duration_ms, series,
-- outcome, sqlstate, error). No rows. Fails with 23505 when the slot is committed already.
insert into keepwatch.alert_evaluation (group_name, rule, slot, partial, duration_ms, series, outcome, sqlstate, error)
select $<group>, rule, $<slot>, $<partial>, duration_ms, series, outcome, sqlstate, error
from jsonb_to_recordset($<evaluations:json>::jsonb)
  as given(rule text, duration_ms double precision, series integer, outcome text, sqlstate text, error text);
