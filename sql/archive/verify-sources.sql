-- The ledger of every source and lane. No parameters.
-- Rows: source_id, service, instance, closed, unknown_tail_bytes, expired (what retention has removed, of the source as a whole), lane,
-- segment, batch, and the counts of the ledger; lane is null for a source without a ledger.
select known.source_id, sources.service, sources.instance, sources.closed, sources.unknown_tail_bytes::float8 as unknown_tail_bytes,
  (coalesce(sources.expired, 0) + coalesce(expired_events.events, 0))::float8 as expired,
  ledger.lane, ledger.segment::float8 as segment, ledger.batch, ledger.recorded::float8 as recorded, ledger.archived::float8 as archived,
  ledger.dead_lettered::float8 as dead_lettered, ledger.quarantined::float8 as quarantined, ledger.sampled_out::float8 as sampled_out,
  ledger.dropped
from (select source_id from keepwatch.sources union select source_id from keepwatch.ledger) as known
left join keepwatch.sources on sources.source_id = known.source_id
left join keepwatch.ledger on ledger.source_id = known.source_id
left join keepwatch.expired_events on expired_events.source_id = known.source_id
order by sources.started_at, known.source_id, ledger.lane;
