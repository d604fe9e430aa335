-- Messages whose ids lie in [low, high]: of one id, or of all that begin alike. Parameters: low, high, most (rows). Rows: as DetailRow of
-- src/alerts/delivery/delivery-log.ts.
select id, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at, receiver, kind, status, reason, rule, alerts,
  payload #>> '{together,why}' as why, coalesce(payload #> '{together,labels}', payload -> 'labels', '{}') as labels, incident_id, group_key,
  version::float8 as version, attempts, maybe_sent, next_attempt_at, sent_at, expires_at, merged_into, answer, last_error, payload,
  (select coalesce(json_agg(json_build_object('attempt', attempt, 'at', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'outcome', outcome, 'duration_ms', duration_ms, 'answer', notification_attempt.answer) order by attempt), '[]')
    from keepwatch.notification_attempt
    where message_id = notification_outbox.id) as attempt_log
from keepwatch.notification_outbox
where id between $<low>::uuid and $<high>::uuid
order by notification_outbox.id
limit $<most>;
