-- Ends the lease of an evaluator that stops, so that others need not wait for it; forgets those that ended a day ago.
-- Parameters: evaluatorId. No rows.
with forgotten as (
  delete from keepwatch.alert_evaluator where lease_until < clock_timestamp() - interval '1 day'
)
update keepwatch.alert_evaluator set lease_until = least(lease_until, clock_timestamp()) where evaluator_id = $<evaluatorId>;
