-- For the rest of the transaction: statements whose rows the planner overrates would be compiled first, which takes longer than they do.
-- No parameters. No rows.
set local jit = off;
