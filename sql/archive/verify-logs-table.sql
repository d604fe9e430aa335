-- Counts the log lines of one table: a partition that is detached, or is no day of ours, or the quarantine. Parameters: name.
-- Rows: source_id, type (log), name (of the level), events.
select source_id, 'log' as type, keepwatch.log_level_name(level) as name, count(*)::float8 as events
from keepwatch.$<name:name>
group by 1, 2, 3;
