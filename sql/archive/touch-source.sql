-- Shows that an idle source lives and has nothing left to say about the time before lowWatermarkMs.
-- Parameters: sourceId, lowWatermarkMs (null: unknown), nowMs (by the clock of the source). No rows.
update keepwatch.sources
set low_watermark = greatest(low_watermark, to_timestamp($<lowWatermarkMs>::float8 / 1000)),
  clock_offset_ms = $<nowMs>::float8 - extract(epoch from clock_timestamp())::float8 * 1000,
  last_seen_at = clock_timestamp()
where source_id = $<sourceId>;
