-- Says that rules or targets have changed in this transaction, and waits for others that change them. No parameters, no rows.
update keepwatch.alert_definition_revision set revision = revision + 1;
