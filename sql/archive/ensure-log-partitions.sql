-- Makes the missing daily partitions of log lines from fromMs to toMs. Parameters: fromMs, toMs. One row: made.
select keepwatch.ensure_log_partitions(to_timestamp($<fromMs>::float8 / 1000), to_timestamp($<toMs>::float8 / 1000)) as made;
