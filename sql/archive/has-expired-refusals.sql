-- Whether the schema counts dead letters and quarantined rows that were removed yet. No parameters. One row: has_refusals.
select to_regclass('keepwatch.expired_refusals') is not null as has_refusals;
