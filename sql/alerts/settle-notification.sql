-- Ends an attempt: sent, or dead when the receiver never takes it, or to be tried again after delayMs, or dead when that would be after its
-- expiry. That messages to a receiver are given up is told to another one, once an hour.
-- Parameters: id, attempts (of the claim), outcome, delayMs, holdMs (the receiver wants to be left alone for so long; null), answer, reference (JSON or
-- null) when delivered, durationMs, failuresTo (name of another receiver, or null). Row: status; none when the lease was over and somebody else
-- claimed the message.
with settled as (
  update keepwatch.notification_outbox
  set lease_until = null,
    last_error = case when $<outcome> = 'delivered' then null else $<answer> end,
    answer = case when $<outcome> = 'delivered' then $<answer> end,
    reference = coalesce($<reference>::jsonb, reference),
    maybe_sent = maybe_sent or $<outcome> = 'unknown',
    sent_at = case when $<outcome> = 'delivered' then clock_timestamp() end,
    next_attempt_at = clock_timestamp() + $<delayMs> * interval '1 millisecond',
    status = case
      when $<outcome> = 'delivered' then 'sent'
      when $<outcome> = 'refused' or clock_timestamp() + $<delayMs> * interval '1 millisecond' >= expires_at then 'dead'
      else 'pending' end
  where id = $<id> and attempts = $<attempts> and status = 'pending'
  returning id, status, receiver, kind, rule, payload, expires_at - created_at as age
), attempted as (
  insert into keepwatch.notification_attempt (message_id, attempt, at, outcome, duration_ms, answer)
  select id, $<attempts>, clock_timestamp(), $<outcome>, $<durationMs>, $<answer> from settled
  on conflict do nothing
), forgotten as (
  delete from keepwatch.notification_attempt
  where message_id = (select id from settled) and attempt <= $<attempts> - 50
), held as (
  update keepwatch.notification_pace
  set hold_until = greatest(hold_until, clock_timestamp() + $<holdMs>::float8 * interval '1 millisecond')
  where receiver = (select receiver from settled) and $<holdMs>::float8 is not null
), failed as (
  insert into keepwatch.notification_outbox (group_name, rule_uid, rule, fingerprint, incident_id, receiver, reason, kind, dedupe_key, payload, expires_at)
  select 'keepwatch', 'keepwatch/NotificationsDead', 'NotificationsDead', '\x00', id, $<failuresTo>, 'firing', 'delivery',
    concat_ws(':', 'delivery', receiver, to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24')),
    keepwatch.describe_dead_message(id, receiver, rule, payload, $<answer>), clock_timestamp() + age
  from settled
  where status = 'dead' and kind <> 'delivery' and $<failuresTo>::text is not null
  on conflict (dedupe_key) do nothing
)
select status from settled;
