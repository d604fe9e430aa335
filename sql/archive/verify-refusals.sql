-- Dead letters and quarantined rows that retention has removed. No parameters. Rows: source_id, lane, kind, type, name, events.
select source_id, lane, kind, type, name, events::float8 as events from keepwatch.expired_refusals;
