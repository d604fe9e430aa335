-- Makes the source and the ledger row of one of its lanes known; changes nothing when they are. No rows.
-- Parameters: sourceId, service, instance, startedAt, lane, relation.
with new_source as (
  insert into keepwatch.sources (source_id, service, instance, started_at, low_watermark)
  values ($<sourceId>, $<service>, $<instance>, $<startedAt>, $<startedAt>)
  on conflict (source_id) do nothing
)
insert into keepwatch.ledger (source_id, lane, relation)
values ($<sourceId>, $<lane>, $<relation>)
on conflict (source_id, lane) do nothing;
