-- What is committed of one source and lane, and what time it is in Postgres.
-- Parameters: sourceId, lane. One row: segment, batch (null when the source is unknown), now_ms,
-- breaking_version (of the newest breaking migration; null without one).
select ledger.segment, ledger.batch, extract(epoch from clock_timestamp())::float8 * 1000 as now_ms,
  (select max(version) from keepwatch.migration where is_breaking) as breaking_version
from (values (1)) as always
left join keepwatch.ledger on ledger.source_id = $<sourceId> and ledger.lane = $<lane>;
