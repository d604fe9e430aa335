-- Compare-and-set of the mark, with counts and watermark: takes effect only when none of the blocks from firstBlock on is committed, and
-- makes a rival transaction of the same blocks wait, then find that they are. Events that the source handed on but that came in none of
-- its readable blocks are counted as dropped, reason damaged.
-- Parameters: sourceId, lane, segment, firstBlock, lastBlock, recorded, sampledOut, dropped (json), droppedTotal, archived, quarantined,
-- lowWatermarkMs (null: unknown), clockOffsetMs (null: the source is not ours). One row: damaged; none when the mark did not move.
with moved as (
  update keepwatch.ledger
  set segment = $<segment>,
    batch = $<lastBlock>,
    recorded = $<recorded>,
    sampled_out = $<sampledOut>,
    archived = archived + $<archived>,
    quarantined = quarantined + $<quarantined>,
    dropped = $<dropped>::jsonb || coalesce((
      select jsonb_build_object('damaged', events)
      from (
        select $<recorded>::bigint - $<sampledOut> - $<droppedTotal> - $<archived> - $<quarantined>
          - archived - dead_lettered - quarantined as events
      ) as missing
      where events > 0
    ), '{}'),
    updated_at = clock_timestamp()
  where source_id = $<sourceId> and lane = $<lane> and (segment, batch) < ($<segment>, $<firstBlock>)
  returning coalesce((dropped ->> 'damaged')::float8, 0) as damaged
), seen as (
  update keepwatch.sources
  set low_watermark = greatest(low_watermark, to_timestamp($<lowWatermarkMs>::float8 / 1000)),
    clock_offset_ms = coalesce($<clockOffsetMs>, clock_offset_ms),
    last_seen_at = clock_timestamp()
  where source_id = $<sourceId> and exists (select from moved)
)
select damaged from moved;
