-- Counts the rows of one table: a partition that is detached, or is no day of ours, or the quarantine. Parameters: name.
-- Rows: source_id, is_kept, type, name, events.
select source_id, get_byte(uuid_send(id), 10) & 4 = 0 as is_kept, type, left(name, 500) as name, count(*)::float8 as events
from keepwatch.$<name:name>
group by 1, 2, 3, 4;
