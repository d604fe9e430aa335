-- Whether events of a file may be in the archive already: recorded by one of its sources, or imported from another file of that time.
-- Parameters: sourceId (of the import), sources (ids that the file names; null: too many), firstEndMs, lastEndMs. One row: may_overlap.
select $<sources>::bigint[] is null
  or exists (select from keepwatch.sources where source_id = any ($<sources>::bigint[]))
  or exists (
    select from keepwatch.imports
    where source_id <> $<sourceId> and first_end_time <= to_timestamp($<lastEndMs>::float8 / 1000) + interval '1 second'
      and last_end_time >= to_timestamp($<firstEndMs>::float8 / 1000) - interval '1 second'
  ) as may_overlap;
