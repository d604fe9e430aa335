-- Ids that several log lines of a day have. Parameters: fromDay, untilDay, sources (ids; null: all).
-- Rows: source_id, events (rows too many), ids (some of them).
with doubled as (
  select source_id, id, count(*) - 1 as surplus
  from keepwatch.observability_logs
  where time >= $<fromDay> and time < $<untilDay> and ($<sources>::bigint[] is null or source_id = any ($<sources>::bigint[]))
  group by 1, 2
  having count(*) > 1
)
select source_id, sum(surplus)::float8 as events, (array_agg(id::text order by id))[1:3] as ids
from doubled
group by 1;
