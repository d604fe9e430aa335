-- Gives up what could not be delivered in time. No parameters. Rows: receiver, rule, reason, last_error.
update keepwatch.notification_outbox
set status = 'dead', lease_until = null, last_error = coalesce(last_error, 'expired before an attempt')
where status = 'pending' and expires_at <= clock_timestamp() and (lease_until is null or lease_until < clock_timestamp())
returning receiver, rule, reason, last_error;
