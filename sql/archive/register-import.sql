-- Makes the source of an import and its lanes known; changes nothing when they are. It is closed from the beginning: no rule waits for it.
-- Parameters: sourceId, file. No rows.
with new_source as (
  insert into keepwatch.sources (source_id, service, instance, started_at, low_watermark, closed)
  values ($<sourceId>, 'import', $<file>, clock_timestamp(), clock_timestamp(), true)
  on conflict (source_id) do nothing
)
insert into keepwatch.ledger (source_id, lane, relation)
values ($<sourceId>, 'keep', 'observability_metrics'), ($<sourceId>, 'rest', 'observability_metrics')
on conflict (source_id, lane) do nothing;
