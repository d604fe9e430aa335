-- Finishes a detachment that was cut off. Parameters: name. No rows.
alter table keepwatch.observability_metrics detach partition keepwatch.$<name:name> finalize;
