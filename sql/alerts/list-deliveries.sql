-- Messages that were made at or after a moment, newest first, behind the one that the cursor names. Parameters: since (milliseconds since the
-- epoch), limit, beforeTime, beforeId (null: from the newest); each null for all: receiver, status, incident (that a message tells of: of a group
-- the first 100 of its alerts). Rows: as DeliveryRow of src/alerts/delivery/delivery-log.ts.
select id, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at, receiver, kind, status, reason, rule, alerts,
  payload #>> '{together,why}' as why, coalesce(payload #> '{together,labels}', payload -> 'labels', '{}') as labels, incident_id, group_key,
  version::float8 as version, attempts, maybe_sent, next_attempt_at, sent_at, expires_at, merged_into, answer, last_error
from keepwatch.notification_outbox
where created_at >= to_timestamp($<since>::float8 / 1000)
  and ($<receiver> is null or receiver = $<receiver>)
  and ($<status> is null or status = $<status>)
  and ($<incident> is null or incident_id = $<incident>::uuid or payload ->> 'incidentId' = $<incident>::text
    or payload #> '{together,alerts}' @> jsonb_build_array(jsonb_build_object('incidentId', $<incident>::text)))
  and ($<beforeTime> is null or (created_at, id) < ($<beforeTime>::timestamptz, $<beforeId>::uuid))
order by notification_outbox.created_at desc, id desc
limit $<limit>;
