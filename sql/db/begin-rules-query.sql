-- Opens the transaction that the query of a rule runs in: one read-only snapshot (pinned by the first select), with every limit that a
-- transaction can have, and a savepoint for end-rules-query. Parameters: statementTimeout, lockTimeout, idleTimeout (texts such as 5000ms).
-- Row: the settings, of no interest.
begin transaction isolation level repeatable read, read only;
select set_config('statement_timeout', $<statementTimeout>, true), set_config('lock_timeout', $<lockTimeout>, true),
  set_config('idle_in_transaction_session_timeout', $<idleTimeout>, true), set_config('search_path', 'keepwatch, pg_catalog', true),
  set_config('timezone', 'UTC', true);
savepoint keepwatch_rule;
