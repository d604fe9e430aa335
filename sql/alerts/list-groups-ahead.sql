-- Groups whose newest slot is still to come. No parameters. Rows: group_name, last_slot_ms, now_ms (clock of Postgres).
select group_name, (extract(epoch from last_slot) * 1000)::float8 as last_slot_ms, (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms
from keepwatch.alert_group
where last_slot > clock_timestamp();
