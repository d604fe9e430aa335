-- Makes the index of time and trace id of a day, as keepwatch.ensure_partitions does, without stopping readers or writers. Not to be run inside
-- a transaction. Parameters: leaf, index. No rows.
create index concurrently $<index:name> on keepwatch.$<leaf:name> using brin (end_time, trace_id uuid_bloom_ops)
with (pages_per_range = 32, autosummarize = on);
