-- Drops a detached partition. Parameters: name. No rows.
drop table keepwatch.$<name:name>;
