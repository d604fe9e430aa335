-- What sources have told of their series, and what retention has removed of them. No parameters.
-- Rows: source_id, lane, type, name, recorded, dropped, expired.
select source_id, lane, type, name, coalesce(told.recorded, 0)::float8 as recorded, coalesce(told.dropped, 0)::float8 as dropped,
  coalesce(removed.events, 0)::float8 as expired
from keepwatch.series_ledger as told
full join keepwatch.expired_series as removed using (source_id, lane, type, name);
