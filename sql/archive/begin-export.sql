-- First statements of the transaction that exports: it may read for hours, at the pace of whoever takes the rows, and gives up when that
-- is none for an hour. Numbers come with all their digits. No parameters, no rows.
set local statement_timeout = 0;
set local lock_timeout = '5s';
set local idle_in_transaction_session_timeout = '1h';
set local extra_float_digits = 1;
set local timezone = 'UTC';
set local work_mem = '64MB';
