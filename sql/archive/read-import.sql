-- What the ledger says of an import. Parameters: sourceId. Rows: lane, segment, recorded, series (JSON: arrays of type, name, recorded).
select ledger.lane, ledger.segment::float8 as segment, ledger.recorded::float8 as recorded,
  coalesce((
    select jsonb_agg(jsonb_build_array(told.type, told.name, told.recorded))
    from keepwatch.series_ledger as told where told.source_id = ledger.source_id and told.lane = ledger.lane
  ), '[]') as series
from keepwatch.ledger where source_id = $<sourceId>;
