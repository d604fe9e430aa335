-- Takes what log lines of some pages of a table say of a person out of them: message and attributes; time, level, logger and ids stay.
-- Parameters: as those of erase-rows. One row: rows.
with erased as (
  update keepwatch.$<name:name>
  set message = 'erased', attributes = '{"keepwatch.erased": true}'
  where ctid >= $<fromPage>::tid and ctid < $<untilPage>::tid and not attributes ? 'keepwatch.erased'
    and ($<from>::timestamptz is null or time >= $<from>::timestamptz) and ($<until>::timestamptz is null or time < $<until>::timestamptz)
    and jsonb_path_exists(attributes, $<path>::jsonpath, $<vars>::jsonb, true)
  returning 1
)
select count(*)::float8 as rows from erased;
