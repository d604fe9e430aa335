-- Keeps partitions of log lines from being dropped while they are counted, as lock-archive does those of events. No parameters, no rows.
lock table keepwatch.observability_logs in access share mode;
