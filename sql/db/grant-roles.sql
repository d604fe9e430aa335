-- What each role may do in this database. No parameters, no rows. Reads go through the partitioned table, so that new partitions need no grant.
grant usage on schema keepwatch to keepwatch_owner, keepwatch_writer, keepwatch_reader, keepwatch_rules;

grant create on schema keepwatch to keepwatch_owner;
grant all on all tables in schema keepwatch to keepwatch_owner;

grant select, insert, update on keepwatch.observability_metrics, keepwatch.sources, keepwatch.ledger, keepwatch.series_ledger,
  keepwatch.observability_dead_letter, keepwatch.observability_quarantine to keepwatch_writer;
grant select, insert on keepwatch.observability_series, keepwatch.rollup_deltas to keepwatch_writer;
grant select, insert, update on keepwatch.imports to keepwatch_writer;
grant select, insert, update on keepwatch.observability_logs, keepwatch.observability_logs_quarantine to keepwatch_writer;
grant select on keepwatch.migration, keepwatch.events, keepwatch.logs, keepwatch.expired_events, keepwatch.expired_series,
  keepwatch.expired_refusals, keepwatch.retired_partitions,
  keepwatch.rollup_minutes, keepwatch.rollup_hours, keepwatch.rollup_days, keepwatch.closed_days, keepwatch.rollup_start, keepwatch.rollup_history,
  keepwatch.rollup_exempt, keepwatch.rollup_backlog, keepwatch.observability_rollup_1m, keepwatch.observability_rollup_1h, keepwatch.usage_hours,
  keepwatch.usage_closings to keepwatch_writer;
grant select, insert, update on keepwatch.targets to keepwatch_writer;
grant select, update on keepwatch.alert_definition_revision to keepwatch_writer;
revoke execute on function keepwatch.ensure_partitions from public;
grant execute on function keepwatch.ensure_partitions to keepwatch_owner, keepwatch_writer;
revoke execute on function keepwatch.ensure_log_partitions from public;
grant execute on function keepwatch.ensure_log_partitions to keepwatch_owner, keepwatch_writer;
revoke execute on function keepwatch.ensure_rollup_partitions from public;
grant execute on function keepwatch.ensure_rollup_partitions to keepwatch_owner;
revoke execute on function keepwatch.replay_dead_letters from public;
grant execute on function keepwatch.replay_dead_letters to keepwatch_owner;
revoke execute on function keepwatch.replay_log from public;
grant execute on function keepwatch.replay_log to keepwatch_owner;

grant select on all tables in schema keepwatch to keepwatch_reader;
alter default privileges in schema keepwatch grant select on tables to keepwatch_reader;

revoke all on all tables in schema keepwatch from keepwatch_rules;
grant select on keepwatch.observability_metrics, keepwatch.events, keepwatch.sources, keepwatch.observability_series,
  keepwatch.observability_rollup_1m, keepwatch.observability_rollup_1h, keepwatch.budgets, keepwatch.targets, keepwatch.logs,
  keepwatch.rollup_minutes, keepwatch.rollup_hours to keepwatch_rules;
-- Of no use by themselves: keepwatch.measure and keepwatch.usage read them, with the rights of whoever calls it.
grant select on keepwatch.rollup_deltas, keepwatch.rollup_days, keepwatch.closed_days, keepwatch.rollup_start, keepwatch.rollup_history,
  keepwatch.rollup_backlog, keepwatch.retired_partitions, keepwatch.usage_hours, keepwatch.usage_closings to keepwatch_rules;
