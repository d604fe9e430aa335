-- Digests that nobody has sent yet, to be written on. Parameters: receivers (names). Rows: id, receiver, payload.
select id, receiver, payload
from keepwatch.notification_outbox
where receiver = any($<receivers>::text[]) and kind = 'digest' and status = 'pending' and attempts = 0 and lease_until is null
for update skip locked;
