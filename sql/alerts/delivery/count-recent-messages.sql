-- Messages of groups in the last minute. Parameters: receivers (names). Rows: receiver, count.
select receiver, count(*)::integer as count
from keepwatch.notification_outbox
where created_at > clock_timestamp() - interval '1 minute' and kind = 'alerts' and receiver = any($<receivers>::text[])
group by receiver;
