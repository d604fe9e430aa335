-- Counts the rows of a day, read through the table, which needs no right on its partitions. The bit of the id is keepwatch.lane_of.
-- Parameters: fromDay, untilDay. Rows: source_id, is_kept, type, name, events.
select source_id, get_byte(uuid_send(id), 10) & 4 = 0 as is_kept, type, left(name, 500) as name, count(*)::float8 as events
from keepwatch.observability_metrics
where end_time >= $<fromDay> and end_time < $<untilDay>
group by 1, 2, 3, 4;
