-- Ends the lease of an evaluator that stops, so that others need not wait for it. Parameters: evaluatorId. No rows.
update keepwatch.alert_evaluator set lease_until = least(lease_until, clock_timestamp()) where evaluator_id = $<evaluatorId>;
