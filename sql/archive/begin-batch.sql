-- First statements of a batch's transaction: makes its settings true for this transaction only. No parameters, no rows.
set local synchronous_commit = on;
set local lock_timeout = '5s';
