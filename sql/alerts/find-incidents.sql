-- Incidents whose ids lie in [low, high]: of one id, or of all that begin alike; those that are open first. Parameters: low, high, most (rows).
-- Rows: incident_id, rule, labels, ended_at (the slot in which it ended, ISO 8601; null: it is open).
select incident_id, rule, labels, to_char(ended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ended_at
from (
  select incident_id, rule, labels, null::timestamptz as ended_at
  from keepwatch.alert_instance
  where state <> 'ok' and incident_id between $<low>::uuid and $<high>::uuid
  union all
  (select distinct on (incident_id) incident_id, rule, labels, slot
   from keepwatch.alert_transition as past
   where incident_id between $<low>::uuid and $<high>::uuid
     and not exists (select from keepwatch.alert_instance as open where open.state <> 'ok' and open.incident_id = past.incident_id)
   order by incident_id, slot desc, id desc
   limit $<most>)
) as found
order by found.ended_at is not null, incident_id
limit $<most>;
