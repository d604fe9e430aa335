-- How many series of each rule are in which state. No parameters. Rows: rule, state, count.
select rule, state, count(*)::integer as count from keepwatch.alert_instance group by rule, state;
