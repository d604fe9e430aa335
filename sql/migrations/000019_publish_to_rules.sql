-- What the SQL of rules may read besides: log lines, rollups, and what keepwatch.measure and the functions made of it read with the rights of
-- whoever calls them. The list of names that a rule may write stands in src/alerts/sql-allowed.ts.
do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_rules') then
    grant select on keepwatch.logs, keepwatch.rollup_minutes, keepwatch.rollup_hours, keepwatch.rollup_deltas, keepwatch.rollup_start,
      keepwatch.rollup_history, keepwatch.rollup_backlog, keepwatch.retired_partitions to keepwatch_rules;
  end if;
end
$$;
