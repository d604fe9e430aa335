-- Counts the log lines of a day, read through the table, which needs no right on its partitions. Parameters: fromDay, untilDay.
-- Rows: source_id, type (log), name (of the level), events.
select source_id, 'log' as type, keepwatch.log_level_name(level) as name, count(*)::float8 as events
from keepwatch.observability_logs
where time >= $<fromDay> and time < $<untilDay>
group by 1, 2, 3;
