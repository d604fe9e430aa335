-- Notes that nothing more will come of a source; writes nothing when that is known. Parameters: sourceId, lowWatermarkMs (null: unknown),
-- unknownTailBytes. No rows.
update keepwatch.sources
set closed = true,
  low_watermark = greatest(low_watermark, to_timestamp($<lowWatermarkMs>::float8 / 1000)),
  unknown_tail_bytes = greatest(unknown_tail_bytes, $<unknownTailBytes>),
  last_seen_at = clock_timestamp()
where source_id = $<sourceId> and (not closed or unknown_tail_bytes < $<unknownTailBytes>);
