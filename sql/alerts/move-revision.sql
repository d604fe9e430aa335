-- Says that rules or targets change in this transaction, and waits for others that do. No parameters, no rows.
update keepwatch.alert_definition_revision set revision = revision + 1;
