-- Forgets silences that ended 30 days ago, and acknowledgements of incidents that have been over for 30 days. Nothing is waited for: what somebody
-- holds is left for the next time. Parameters: most (rows of each). One row: pruned (rows of both).
with silences as (
  delete from keepwatch.alert_silence
  where ctid = any(array(
    select ctid from keepwatch.alert_silence where ends_at < now() - interval '30 days'
    limit $<most> for update skip locked))
  returning 1
), acknowledgements as (
  delete from keepwatch.alert_acknowledgement
  where ctid = any(array(
    select known.ctid from keepwatch.alert_acknowledgement as known
    where acknowledged_at < now() - interval '30 days'
      and not exists (
        select from keepwatch.alert_instance as open where open.state <> 'ok' and open.incident_id = known.incident_id)
      and not exists (
        select from keepwatch.alert_transition as late
        where late.incident_id = known.incident_id and late.slot >= now() - interval '30 days')
    limit $<most> for update of known skip locked))
  returning 1
)
select ((select count(*) from silences) + (select count(*) from acknowledgements))::integer as pruned;
