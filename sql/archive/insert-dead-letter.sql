-- Keeps a row that Postgres refused, with the reason. Parameters: sourceId, lane, segment, block, row, sqlstate, error, payload. No rows.
insert into keepwatch.observability_dead_letter (source_id, lane, segment, batch, row_number, sqlstate, error, payload)
values ($<sourceId>, $<lane>, $<segment>, $<block>, $<row>, $<sqlstate>, $<error>, $<payload>);
