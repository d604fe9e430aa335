-- Takes due messages of a receiver for sending; nobody else does before the lease is over. "resolved" waits until its "firing" is settled.
-- Parameters: receiver, most, leaseMs. Rows: id, attempts (with this one: fences settle-notification), rule, reason, payload.
with due as (
  select id from keepwatch.notification_outbox as message
  where status = 'pending' and receiver = $<receiver> and next_attempt_at <= clock_timestamp() and expires_at > clock_timestamp()
    and (lease_until is null or lease_until < clock_timestamp())
    and (reason = 'firing' or not exists (
      select from keepwatch.notification_outbox as firing
      where firing.incident_id = message.incident_id and firing.receiver = message.receiver and firing.reason = 'firing'
        and firing.status = 'pending'))
  order by created_at
  limit $<most>
  for update skip locked
)
update keepwatch.notification_outbox as message
set lease_until = clock_timestamp() + $<leaseMs> * interval '1 millisecond', attempts = attempts + 1
from due
where message.id = due.id
returning message.id, message.attempts, message.rule, message.reason, message.payload;
