-- The ledger of every source and lane, beside what the tables hold. No parameters.
-- Rows: source_id, service, instance, closed, unknown_tail_bytes, lane, segment, batch, the counts of the ledger, and of the tables: rows,
-- distinct_ids, dead_letter_rows, quarantine_rows, and expired: what retention has removed (of the source as a whole). A source that no ledger knows has lane null.
with metrics as (
  select source_id, count(*) as rows, count(distinct id) as distinct_ids from keepwatch.observability_metrics group by source_id
), quarantine as (
  select source_id, count(*) as rows from keepwatch.observability_quarantine group by source_id
), dead_letter as (
  select source_id, lane, count(*) as rows from keepwatch.observability_dead_letter group by source_id, lane
), known as (
  select source_id from keepwatch.sources union select source_id from metrics union select source_id from quarantine
  union select source_id from dead_letter
)
select known.source_id, sources.service, sources.instance, sources.closed, sources.unknown_tail_bytes::float8 as unknown_tail_bytes,
  (sources.expired + coalesce(expired_events.events, 0))::float8 as expired, ledger.lane, ledger.segment::float8 as segment, ledger.batch,
  ledger.recorded::float8 as recorded, ledger.archived::float8 as archived, ledger.dead_lettered::float8 as dead_lettered,
  ledger.quarantined::float8 as quarantined, ledger.sampled_out::float8 as sampled_out, ledger.dropped,
  coalesce(metrics.rows, 0)::float8 as rows, coalesce(metrics.distinct_ids, 0)::float8 as distinct_ids,
  coalesce(quarantine.rows, 0)::float8 as quarantine_rows, coalesce(dead_letter.rows, 0)::float8 as dead_letter_rows
from known
left join keepwatch.sources on sources.source_id = known.source_id
left join keepwatch.ledger on ledger.source_id = known.source_id
left join keepwatch.expired_events on expired_events.source_id = known.source_id
left join metrics on metrics.source_id = known.source_id
left join quarantine on quarantine.source_id = known.source_id
left join dead_letter on dead_letter.source_id = known.source_id and dead_letter.lane is not distinct from ledger.lane
order by sources.started_at, known.source_id, ledger.lane;
