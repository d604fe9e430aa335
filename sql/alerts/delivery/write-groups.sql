-- Notes what became of groups that were looked at. Parameters: groups (JSON array of group_key, due_at_ms or null, is_told, thread), nowMs. No rows.
update keepwatch.notification_group as told
set flushed_at = to_timestamp($<nowMs> / 1000.0::float8),
  due_at = to_timestamp(given.due_at_ms / 1000.0::float8),
  told_at = case when given.is_told then to_timestamp($<nowMs> / 1000.0::float8) else told.told_at end,
  version = told.version + case when given.is_told then 1 else 0 end,
  thread = given.thread
from jsonb_to_recordset($<groups:json>::jsonb) as given(group_key text, due_at_ms float8, is_told boolean, thread uuid)
where told.group_key = given.group_key;
