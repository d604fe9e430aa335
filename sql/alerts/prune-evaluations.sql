-- Forgets evaluations of 7 days. Nothing is waited for: what somebody holds is left for the next time. Parameters: most (rows). One row: pruned.
with pruned as (
  delete from keepwatch.alert_evaluation
  where ctid = any(array(
    select old.ctid
    from keepwatch.alert_group
    cross join lateral (
      select alert_evaluation.ctid from keepwatch.alert_evaluation
      where alert_evaluation.group_name = alert_group.group_name and slot < now() - interval '7 days'
      limit $<most> for update skip locked) as old
    limit $<most>))
  returning 1
)
select count(*)::integer as pruned from pruned;
