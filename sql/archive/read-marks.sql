-- How far sources are committed, lane by lane. Parameter: sourceIds (as the text of an array).
-- Rows: source_id (text), closed, lane, segment; lane and segment are null for a source without a ledger.
select sources.source_id::text as source_id, sources.closed, ledger.lane, ledger.segment::float8 as segment
from keepwatch.sources
left join keepwatch.ledger on ledger.source_id = sources.source_id
where sources.source_id = any ($<sourceIds>::bigint[]);
