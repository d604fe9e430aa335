-- What is committed of one source and lane, and what time it is in Postgres.
-- Parameters: sourceId, lane. One row: segment, batch (null when the source is unknown), now_ms.
select ledger.segment, ledger.batch, extract(epoch from clock_timestamp())::float8 * 1000 as now_ms
from (values (1)) as always
left join keepwatch.ledger on ledger.source_id = $<sourceId> and ledger.lane = $<lane>;
