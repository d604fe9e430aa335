-- Counts dead letters that were removed. Parameters: sources, lanes, types, names, arrays of one length, an element for each letter. No rows.
insert into keepwatch.expired_refusals as expired (source_id, lane, kind, type, name, events)
select given.source_id, given.lane, 'dead_letter', given.type, given.name, count(*)
from unnest($<sources>::bigint[], $<lanes>::text[], $<types>::text[], $<names>::text[]) as given (source_id, lane, type, name)
group by given.source_id, given.lane, given.type, given.name
on conflict (source_id, lane, kind, type, name) do update set events = expired.events + excluded.events;
