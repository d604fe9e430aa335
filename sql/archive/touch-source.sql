-- Shows that a source lives and has nothing left to say about the time before lowWatermarkMs. It is open again when a neighbour, whose
-- clock was wrong, has taken it for dead and closed it: rules wait for it.
-- Parameters: sourceId, lowWatermarkMs (null: unknown), nowMs (by the clock of the source). No rows.
update keepwatch.sources
set low_watermark = greatest(low_watermark, to_timestamp($<lowWatermarkMs>::float8 / 1000)),
  clock_offset_ms = $<nowMs>::float8 - extract(epoch from clock_timestamp())::float8 * 1000,
  last_seen_at = clock_timestamp(),
  closed = false
where source_id = $<sourceId>;
