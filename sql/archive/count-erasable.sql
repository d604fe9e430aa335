-- Counts the rows of some pages of a table that erase-rows would erase. Parameters: as there. One row: rows.
select count(*)::float8 as rows
from keepwatch.$<name:name>
where ctid >= $<fromPage>::tid and ctid < $<untilPage>::tid and not metadata ? 'keepwatch.erased'
  and ($<from>::timestamptz is null or end_time >= $<from>::timestamptz) and ($<until>::timestamptz is null or end_time < $<until>::timestamptz)
  and jsonb_path_exists(metadata, $<path>::jsonpath, $<vars>::jsonb, true);
