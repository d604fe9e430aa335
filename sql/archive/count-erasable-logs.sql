-- Counts the log lines of some pages of a table that erase-logs would erase. Parameters: as there. One row: rows.
select count(*)::float8 as rows
from keepwatch.$<name:name>
where ctid >= $<fromPage>::tid and ctid < $<untilPage>::tid and not attributes ? 'keepwatch.erased'
  and ($<from>::timestamptz is null or time >= $<from>::timestamptz) and ($<until>::timestamptz is null or time < $<until>::timestamptz)
  and jsonb_path_exists(attributes, $<path>::jsonpath, $<vars>::jsonb, true);
