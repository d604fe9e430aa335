-- Whether a rule was ever evaluated, as far as evaluations are kept. Parameters: uid. One row: found.
select exists (select from keepwatch.alert_evaluation where rule_uid = $<uid>) as found;
