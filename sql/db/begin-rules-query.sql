-- Opens the transaction that the query of a rule runs in: one read-only snapshot (pinned by the first select), with every limit that a
-- transaction can have, and a savepoint for end-rules-query. How Postgres reads and writes texts is fixed too: strings mean what the parser of
-- rules took them for, and the same slot gives the same text. Parameters: statementTimeout, lockTimeout, idleTimeout (texts such as 5000ms).
-- Row: of no interest.
begin transaction isolation level repeatable read, read only;
set local statement_timeout = $<statementTimeout>;
set local lock_timeout = $<lockTimeout>;
set local idle_in_transaction_session_timeout = $<idleTimeout>;
set local search_path = keepwatch, pg_catalog;
set local timezone = 'UTC';
set local datestyle = 'ISO, MDY';
set local intervalstyle = 'postgres';
set local bytea_output = 'hex';
set local extra_float_digits = 1;
set local standard_conforming_strings = on;
set local max_parallel_workers_per_gather = 0;
set local jit = off;
select 1;
savepoint keepwatch_rule;
