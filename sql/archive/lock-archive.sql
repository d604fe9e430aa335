-- Keeps partitions from being dropped while they are counted; stops no reader and no writer. Has to come before the first SELECT of a
-- snapshot, which then sees what was done before. No parameters, no rows.
lock table keepwatch.observability_metrics in access share mode;
