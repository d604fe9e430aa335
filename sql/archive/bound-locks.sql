-- Whoever waits for a lock longer than that gives up: nobody waits behind it. For the rest of the transaction. No parameters. No rows.
set local lock_timeout = '2s';
