-- Ids that several rows of one table have. Parameters: name, sources (ids; null: all).
-- Rows: source_id, is_kept, events (rows too many), ids (some of them).
with doubled as (
  select source_id, id, count(*) - 1 as surplus
  from keepwatch.$<name:name>
  where $<sources>::bigint[] is null or source_id = any ($<sources>::bigint[])
  group by 1, 2
  having count(*) > 1
)
select source_id, get_byte(uuid_send(id), 10) & 4 = 0 as is_kept, sum(surplus)::float8 as events, (array_agg(id::text order by id))[1:3] as ids
from doubled
group by 1, 2;
