-- Keeps months of rollups from being detached while they are compared; stops no reader and no writer. Has to come before the first SELECT of a
-- snapshot, which then sees what was done before. No parameters, no rows.
lock table keepwatch.rollup_minutes, keepwatch.rollup_hours in access share mode;
