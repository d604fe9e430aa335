-- Makes series known. In the order of their ids, so that two transactions that make the same ones known wait for each other in one order.
-- Parameters: ids, services, types, names, labels (JSON objects), arrays of one length. No rows.
insert into keepwatch.observability_series (series_id, service, type, name, labels)
select given.series_id, given.service, given.type, given.name, given.labels::jsonb
from unnest($<ids>::bigint[], $<services>::text[], $<types>::text[], $<names>::text[], $<labels>::text[])
  as given (series_id, service, type, name, labels)
order by given.series_id
on conflict (series_id) do nothing;
