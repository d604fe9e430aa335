-- Messages of groups that nobody has sent yet: the one that is about to be written tells their news too. One that is being sent stays.
-- Parameters: groups (keys). Rows: group_key, payload.
with unsent as (
  select id from keepwatch.notification_outbox
  where group_key = any($<groups>::text[]) and status = 'pending' and kind = 'alerts' and (lease_until is null or lease_until < clock_timestamp())
  order by group_key, version
  for update skip locked
)
update keepwatch.notification_outbox as message
set status = 'merged', lease_until = null
from unsent
where message.id = unsent.id
returning message.group_key, message.payload;
