-- Whole dead letters behind a place, in the order of their key. Parameters: sourceId, lane, segment, batch, row (of the last one read), limit.
-- Rows: source_id, lane, segment, batch, row_number, payload.
select source_id, lane, segment::float8 as segment, batch, row_number, payload
from keepwatch.observability_dead_letter
where (source_id, lane, segment, batch, row_number) > ($<sourceId>::bigint, $<lane>, $<segment>, $<batch>, $<row>)
order by source_id, lane, segment, batch, row_number
limit $<limit>;
