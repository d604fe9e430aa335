-- Takes over what a source has counted of its series. The counts are cumulative: the larger one holds, in whatever order they come.
-- Parameters: sourceId, lane, types, names, recorded, dropped (arrays of one length, no series twice). No rows.
insert into keepwatch.series_ledger as known (source_id, lane, type, name, recorded, dropped)
select $<sourceId>, $<lane>, given.type, given.name, given.recorded, given.dropped
from unnest($<types>::text[], $<names>::text[], $<recorded>::bigint[], $<dropped>::bigint[]) as given (type, name, recorded, dropped)
order by given.type, given.name
on conflict (source_id, lane, type, name) do update
set recorded = greatest(known.recorded, excluded.recorded),
  dropped = greatest(known.dropped, excluded.dropped),
  updated_at = clock_timestamp();
