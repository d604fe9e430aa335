-- Takes a partition out of the table without stopping readers or writers. Not to be run inside a transaction. Parameters: name. No rows.
alter table keepwatch.observability_metrics detach partition keepwatch.$<name:name> concurrently;
