-- Notes how far a file is imported. Parameters: sourceId, lane, file, bytes, sha256 (hexadecimal), firstEndMs, lastEndMs (milliseconds since the
-- epoch; null: no event came along). No rows.
insert into keepwatch.imports as known (source_id, lane, file, bytes, sha256, first_end_time, last_end_time)
values ($<sourceId>, $<lane>, $<file>, $<bytes>, decode($<sha256>, 'hex'), to_timestamp($<firstEndMs>::float8 / 1000),
  to_timestamp($<lastEndMs>::float8 / 1000))
on conflict (source_id, lane) do update
set bytes = excluded.bytes,
  sha256 = excluded.sha256,
  first_end_time = least(known.first_end_time, excluded.first_end_time),
  last_end_time = greatest(known.last_end_time, excluded.last_end_time),
  updated_at = clock_timestamp()
where known.bytes <= excluded.bytes;
