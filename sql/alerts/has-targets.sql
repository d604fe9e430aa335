-- Whether a process has declared any target within some days. Parameters: days. One row: found.
select exists (select from keepwatch.targets where last_seen_at > now() - make_interval(days => $<days>)) as found;
