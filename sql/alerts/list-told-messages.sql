-- The newest message of each incident to each receiver, but for its end. Parameters: incidents (ids). Rows: incident_id, receiver, payload.
select distinct on (incident_id, receiver) incident_id, receiver, payload
from keepwatch.notification_outbox
where incident_id = any($<incidents>::uuid[]) and reason <> 'resolved'
order by incident_id, receiver, created_at desc;
