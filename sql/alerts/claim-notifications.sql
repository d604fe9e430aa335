-- Takes due messages of a receiver for sending, no more than it may be sent now; nobody else does before the lease is over. A group is told in order;
-- "resolved" waits until what was to be told of its incident before is settled. A lease that was over leaves open whether the message was sent.
-- Parameters: receiver, most, leaseMs, perSecond (null: as many as there are), burst. Rows: id, attempts (with this one: fences settle-notification),
-- rule, reason, thread, payload, maybe_sent, reference (of the newest message of the thread that has one, to this receiver; null without).
with pace as (
  select least($<burst>::float8, tokens + extract(epoch from clock_timestamp() - filled_at) * $<perSecond>::float8) as tokens, hold_until
  from keepwatch.notification_pace
  where receiver = $<receiver>
  for update
), due as (
  select id from keepwatch.notification_outbox as message
  where status = 'pending' and receiver = $<receiver> and next_attempt_at <= clock_timestamp() and expires_at > clock_timestamp()
    and (lease_until is null or lease_until < clock_timestamp())
    and not exists (select from pace where hold_until > clock_timestamp())
    and (group_key is null or not exists (
      select from keepwatch.notification_outbox as earlier
      where earlier.group_key = message.group_key and earlier.version < message.version and earlier.status = 'pending'))
    and (reason <> 'resolved' or not exists (
      select from keepwatch.notification_outbox as earlier
      where message.group_key is null and earlier.incident_id = message.incident_id and earlier.receiver = message.receiver
        and earlier.reason <> 'resolved' and earlier.status = 'pending'))
  order by created_at
  limit case when $<perSecond>::float8 is null then $<most> else least($<most>, (select floor(tokens) from pace))::bigint end
  for update skip locked
), paid as (
  update keepwatch.notification_pace
  set tokens = (select tokens from pace) - (select count(*) from due), filled_at = clock_timestamp()
  where receiver = $<receiver> and $<perSecond>::float8 is not null
)
update keepwatch.notification_outbox as message
set lease_until = clock_timestamp() + $<leaseMs> * interval '1 millisecond', attempts = attempts + 1,
  maybe_sent = maybe_sent or lease_until is not null
from due
where message.id = due.id
returning message.id, message.attempts, message.rule, message.reason, message.incident_id as thread, message.payload, message.maybe_sent,
  (select earlier.reference from keepwatch.notification_outbox as earlier
   where earlier.incident_id = message.incident_id and earlier.receiver = message.receiver and earlier.reference is not null
   order by earlier.created_at desc, earlier.sent_at desc limit 1) as reference;
