-- Forgets groups that nobody looks at any more, as their receiver is in no configuration: a week after they were due. Under the lock of the dispatcher.
-- Parameters: receivers (names of those that there are here). No rows.
with gone as (
  delete from keepwatch.notification_group
  where due_at < clock_timestamp() - interval '7 days' and receiver <> all($<receivers>::text[])
  returning group_key
)
delete from keepwatch.notification_member using gone where notification_member.group_key = gone.group_key;
