-- Forgets what is old, whatever group it is of: transitions of 400 days; messages done for 30 days whose incident is over; ok series of groups
-- that nobody has evaluated for 400 days; records of 400 days of what people did, of changes of budgets but for the newest of each; rule sets of 400
-- days that are not the newest of their name, where no series of their groups is left that only they say whose it is; evaluators that nobody has heard
-- of for a day.
-- Nothing is waited for: what somebody holds is left for the next time. Parameters: most (rows of each). One row: pruned (rows of all).
with transitions as (
  delete from keepwatch.alert_transition
  where ctid = any(array(
    select ctid from keepwatch.alert_transition where slot < now() - interval '400 days'
    limit $<most> for update skip locked))
  returning 1
), messages as (
  delete from keepwatch.notification_outbox
  where ctid = any(array(
    select message.ctid from keepwatch.notification_outbox as message
    where status <> 'pending' and created_at < now() - interval '30 days'
      and not exists (
        select from keepwatch.alert_instance as open
        where open.rule_uid = message.rule_uid and open.fingerprint = message.fingerprint and open.incident_id = message.incident_id)
    limit $<most> for update of message skip locked))
  returning 1
), series as (
  delete from keepwatch.alert_instance
  where ctid = any(array(
    select known.ctid from keepwatch.alert_instance as known join keepwatch.alert_group as gone using (group_name)
    where state = 'ok' and gone.evaluated_at < now() - interval '400 days'
    limit $<most> for update of known skip locked))
  returning 1
), records as (
  delete from keepwatch.alert_audit
  where ctid = any(array(
    select old.ctid from keepwatch.alert_audit as old
    where at < now() - interval '400 days'
      and (kind <> 'budget'
        or exists (select from keepwatch.alert_audit as newer where newer.kind = old.kind and newer.name = old.name and newer.id > old.id))
    limit $<most> for update of old skip locked))
  returning 1
), rule_sets as (
  delete from keepwatch.alert_rule_set
  where ctid = any(array(
    select old.ctid from keepwatch.alert_rule_set as old
    where registered_at < now() - interval '400 days'
      and exists (select from keepwatch.alert_rule_set as newer where newer.name = old.name and newer.generation > old.generation)
      and not exists (select from keepwatch.alert_instance where group_name = any(old.groups))
    limit $<most> for update of old skip locked))
  returning 1
), evaluators as (
  delete from keepwatch.alert_evaluator
  where ctid = any(array(
    select gone.ctid from keepwatch.alert_evaluator as gone
    where lease_until < clock_timestamp() - interval '1 day'
    limit $<most> for update skip locked))
  returning 1
)
select ((select count(*) from transitions) + (select count(*) from messages) + (select count(*) from series) + (select count(*) from records)
  + (select count(*) from rule_sets) + (select count(*) from evaluators))::integer as pruned;
