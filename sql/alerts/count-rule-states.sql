-- How many series of rules are in which state, ok left out. Parameters: groups, rules (names). Rows: group_name, rule, state, count.
select group_name, rule, state, count(*)::integer as count
from keepwatch.alert_instance
where state <> 'ok' and group_name = any($<groups>::text[]) and rule = any($<rules>::text[])
group by group_name, rule, state;
