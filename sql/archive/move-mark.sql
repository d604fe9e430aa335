-- Compare-and-set of the mark, with counts and watermark: takes effect only when none of the blocks from firstBlock on is committed, and
-- makes a rival transaction of the same blocks wait, then find that they are. Nor does it when the ledger stands before the mark that the
-- caller knows: it went back, and what is behind it has to be archived again first. Events that the source handed on but that came in none
-- of its readable blocks are counted as dropped: reason restore when they are found behind a gap that the ledger's way back has left, else damaged.
-- Parameters: sourceId, lane, segment, firstBlock, lastBlock, fromSegment, fromBatch (the mark that is known), recorded, sampledOut,
-- dropped (json), droppedTotal, archived, rolledUp (those of them whose rollups come along), quarantined, isAfterLoss, lowWatermarkMs (null: unknown), clockOffsetMs (null: the source is not ours).
-- One row: archived, dead_lettered, quarantined, damaged, restored, all cumulative; none when the mark did not move.
with moved as (
  update keepwatch.ledger
  set segment = $<segment>,
    batch = $<lastBlock>,
    recorded = $<recorded>,
    sampled_out = $<sampledOut>,
    archived = archived + $<archived>,
    rolled_up = rolled_up + $<rolledUp>,
    quarantined = quarantined + $<quarantined>,
    dropped = $<dropped>::jsonb || (
      select jsonb_strip_nulls(jsonb_build_object('damaged', nullif(missing - lost, 0), 'restore', nullif(lost, 0)))
      from (
        select missing,
          least(missing, case when $<isAfterLoss> then greatest(known_lost, missing - known_damaged) else known_lost end) as lost
        from (
          select
            greatest(0, $<recorded>::bigint - $<sampledOut> - $<droppedTotal> - $<archived> - $<quarantined>
              - archived - dead_lettered - quarantined) as missing,
            coalesce((dropped ->> 'restore')::bigint, 0) as known_lost,
            coalesce((dropped ->> 'damaged')::bigint, 0) as known_damaged
        ) as found
      ) as sorted
    ),
    updated_at = clock_timestamp()
  where source_id = $<sourceId> and lane = $<lane>
    and (segment, batch) < ($<segment>, $<firstBlock>) and (segment, batch) >= ($<fromSegment>, $<fromBatch>)
  returning archived::float8, dead_lettered::float8, quarantined::float8,
    coalesce((dropped ->> 'damaged')::float8, 0) as damaged, coalesce((dropped ->> 'restore')::float8, 0) as restored
), seen as (
  update keepwatch.sources
  set low_watermark = greatest(low_watermark, to_timestamp($<lowWatermarkMs>::float8 / 1000)),
    clock_offset_ms = coalesce($<clockOffsetMs>, clock_offset_ms),
    last_seen_at = clock_timestamp()
  where source_id = $<sourceId> and exists (select from moved)
)
select archived, dead_lettered, quarantined, damaged, restored from moved;
