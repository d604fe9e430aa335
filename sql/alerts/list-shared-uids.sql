-- Of rules whose series were evaluated in another group last, those whose group an evaluator of another rule set holds. A rule of the API is the same
-- for all of them: it has moved. Parameters: group (of the rules now), evaluatorId, rules (JSON array of rule_uid and group_name: the other one).
-- Rows: rule_uid, group_name, rule_set.
select given.rule_uid, given.group_name, holder.rule_set
from jsonb_to_recordset($<rules:json>::jsonb) as given(rule_uid text, group_name text)
  join keepwatch.alert_group as other using (group_name)
  join keepwatch.alert_evaluator as holder using (evaluator_id)
where holder.lease_until > clock_timestamp()
  and holder.rule_set <> (select rule_set from keepwatch.alert_evaluator where evaluator_id = $<evaluatorId>)
  and not exists (select from keepwatch.alert_rule as stored where stored.uid = given.rule_uid and stored.group_name = $<group>)
order by given.rule_uid, given.group_name;
