-- Takes a partition out of its table without stopping readers or writers. Not to be run inside a transaction. Parameters: parent, name. No rows.
alter table keepwatch.$<parent:name> detach partition keepwatch.$<name:name> concurrently;
