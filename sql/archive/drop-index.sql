-- Drops an index without stopping readers or writers. Not to be run inside a transaction. Parameters: index. No rows.
drop index concurrently if exists keepwatch.$<index:name>;
