-- Whether the schema has a table for log lines yet. No parameters. One row: has_logs.
select to_regclass('keepwatch.observability_logs') is not null as has_logs;
