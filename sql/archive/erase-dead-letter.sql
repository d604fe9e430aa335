-- Puts an erased row in the place of a dead letter; the message of the refusal may quote what it held, the SQLSTATE does not.
-- Parameters: source_id, lane, segment, batch, row_number, payload. No rows.
update keepwatch.observability_dead_letter
set payload = $<payload>, error = 'erased'
where source_id = $<source_id>::bigint and lane = $<lane> and segment = $<segment> and batch = $<batch> and row_number = $<row_number>;
