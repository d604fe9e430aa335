-- Which rules and targets there are, as one number that grows with each change. No parameters. One row: revision.
select revision::float8 as revision from keepwatch.alert_definition_revision;
