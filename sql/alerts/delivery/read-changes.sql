-- The oldest changes that no group has yet. Parameters: most. Rows: id, series (what tells series apart), kind, group_key (of tell).
select id::float8 as id, encode(fingerprint, 'hex') || ' ' || rule_uid as series, kind, destination ->> 'group_key' as group_key
from keepwatch.notification_change
order by notification_change.id
limit $<most>;
