-- Makes a rule set the newest generation of its name, unless it is. Parameters: ruleSet, hash (hex), groups (names). No rows.
-- Fails with 23505 when another set became a generation at the same moment.
insert into keepwatch.alert_rule_set (name, hash, groups, generation)
select $<ruleSet>, decode($<hash>, 'hex'), $<groups>::text[], coalesce(max(generation), 0) + 1
from keepwatch.alert_rule_set where name = $<ruleSet>
on conflict (name, hash) do update
  set generation = excluded.generation, registered_at = now(), groups = excluded.groups
  where alert_rule_set.generation <> excluded.generation - 1;
