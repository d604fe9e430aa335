-- First statement of the transaction that drops a partition: who reads it just now, by its own name, is waited for a moment only.
-- No parameters, no rows.
set local lock_timeout = '2s';
