-- Leases groups that nobody has: never taken, or of an evaluator whose lease is over, or that has an older generation of this rule set. Only for
-- an evaluator with the newest generation. Parameters: evaluatorId, ruleSet, hash (hex), groups (names that looked free).
-- Rows: group_name, epoch (fences claim-slot), last_slot_ms (null before the first slot).
with free as (
  select group_name from keepwatch.alert_group as wanted
  where group_name = any($<groups>::text[])
    and decode($<hash>, 'hex') = (
      select hash from keepwatch.alert_rule_set where name = $<ruleSet> order by generation desc limit 1)
    and not exists (
      select from keepwatch.alert_evaluator as holder
      where holder.evaluator_id = wanted.evaluator_id and holder.evaluator_id <> $<evaluatorId>
        and holder.lease_until > clock_timestamp()
        and (holder.rule_set <> $<ruleSet> or holder.hash = decode($<hash>, 'hex')))
  order by group_name
  for update skip locked
)
update keepwatch.alert_group as taken
set evaluator_id = $<evaluatorId>, epoch = taken.epoch + 1
from free
where taken.group_name = free.group_name
returning taken.group_name, taken.epoch::float8 as epoch, (extract(epoch from taken.last_slot) * 1000)::float8 as last_slot_ms;
