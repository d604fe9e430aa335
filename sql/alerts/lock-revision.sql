-- Waits for others that change rules, and lets others wait until the end of the transaction. No parameters. One row: revision.
select revision::float8 as revision from keepwatch.alert_definition_revision for update;
