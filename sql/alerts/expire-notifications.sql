-- Gives up what could not be delivered in time, and tells another receiver of it, once an hour. Parameters: failuresTo (JSON: name of a receiver to that
-- of the other one). Rows: receiver, rule, reason, last_error.
with expired as (
  update keepwatch.notification_outbox
  set status = 'dead', lease_until = null, last_error = coalesce(last_error, 'expired before an attempt')
  where status = 'pending' and expires_at <= clock_timestamp() and (lease_until is null or lease_until < clock_timestamp())
  returning id, receiver, rule, reason, last_error, kind, payload, expires_at - created_at as age
), failed as (
  insert into keepwatch.notification_outbox (group_name, rule_uid, rule, fingerprint, incident_id, receiver, reason, kind, dedupe_key, payload, expires_at)
  select distinct on (receiver) 'keepwatch', 'keepwatch/NotificationsDead', 'NotificationsDead', '\x00', id, $<failuresTo:json>::jsonb ->> receiver, 'firing',
    'delivery', concat_ws(':', 'delivery', receiver, to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24')),
    keepwatch.describe_dead_message(id, receiver, rule, payload, last_error), clock_timestamp() + age
  from expired
  where kind <> 'delivery' and $<failuresTo:json>::jsonb ? receiver
  order by receiver, id
  on conflict (dedupe_key) do nothing
)
select receiver, rule, reason, last_error from expired;
