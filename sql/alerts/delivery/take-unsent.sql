-- Messages of groups, of the same thread, that nobody has sent yet: the one that is about to be written tells their news too. One that is being sent stays,
-- and so does one of an earlier thread, whose end nothing else would tell. Parameters: groups (JSON array of group_key, thread).
-- Rows: group_key, payload, expires_at_ms.
with given as (
  select group_key, thread from jsonb_to_recordset($<groups:json>::jsonb) as given(group_key text, thread uuid)
), unsent as (
  select message.id
  from keepwatch.notification_outbox as message join given on message.group_key = given.group_key and message.incident_id = given.thread
  where message.status = 'pending' and message.kind = 'alerts' and (message.lease_until is null or message.lease_until < clock_timestamp())
  order by message.group_key, message.version
  for update of message skip locked
)
update keepwatch.notification_outbox as message
set status = 'merged', lease_until = null
from unsent
where message.id = unsent.id
returning message.group_key, message.payload, (extract(epoch from message.expires_at) * 1000)::float8 as expires_at_ms;
