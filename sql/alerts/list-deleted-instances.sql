-- Series of rules that are gone. Of files: in groups that a generation of the rule set had, and that are no other set's now. Of the API and of
-- targets: in groups that a change of a rule speaks of, unless there are newer rules than those that are known. None when the set is not the
-- newest of its name. Parameters: ruleSet, hash (hex), uids (of all rules that are known), revision (of those of the API; null: they are not
-- known), targetGroup (name), group (null: of all).
-- Rows: group_name, then as StoredInstance of src/alerts/instance-row.ts.
with newest as (
  select distinct on (name) name, hash, groups from keepwatch.alert_rule_set order by name, generation desc
)
select group_name, rule_uid, rule, encode(fingerprint, 'hex') as fingerprint, state, incident_id, held_ms::float8 as held_ms,
  history::float8 as history, missed, step, told_step, is_told, suppressed, value, labels, row, annotations,
  (extract(epoch from active_at) * 1000)::float8 as active_at_ms, (extract(epoch from fired_at) * 1000)::float8 as fired_at_ms,
  (extract(epoch from ran_at) * 1000)::float8 as ran_at_ms, (extract(epoch from last_slot) * 1000)::float8 as last_slot_ms
from keepwatch.alert_instance
where ($<group> is null or group_name = $<group>) and rule_uid <> all($<uids>::text[])
  and (group_name in (select unnest(groups) from keepwatch.alert_rule_set where name = $<ruleSet>)
      and not exists (select from newest where name <> $<ruleSet> and group_name = any(groups))
    or $<revision>::bigint = (select revision from keepwatch.alert_definition_revision)
      and (group_name = $<targetGroup>
        or group_name in (select unnest(array[before ->> 'group', after ->> 'group']) from keepwatch.alert_rule_audit)))
  and exists (select from newest where name = $<ruleSet> and hash = decode($<hash>, 'hex'));
