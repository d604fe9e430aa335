-- Makes the rows of groups that have none. Parameters: groups (names), everyMs (of each). No rows.
insert into keepwatch.alert_group (group_name, every_ms)
select group_name, every_ms from unnest($<groups>::text[], $<everyMs>::bigint[]) as given(group_name, every_ms)
order by group_name
on conflict do nothing;
