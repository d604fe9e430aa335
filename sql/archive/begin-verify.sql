-- First statements of the transaction that verifies: it may read for minutes, and waits for nobody for long. What it counts fits in memory.
-- To compile its statements takes seconds for each day, however few rows that has. No parameters, no rows.
set local statement_timeout = 0;
set local lock_timeout = '10s';
set local work_mem = '64MB';
set local jit = off;
