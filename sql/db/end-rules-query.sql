-- Ends the transaction that the query of a rule ran in, whether or not the query failed. Locks of the session outlive a rollback: they are
-- released first. No parameters. Rows: of no interest.
rollback to savepoint keepwatch_rule;
select pg_advisory_unlock_all();
rollback;
