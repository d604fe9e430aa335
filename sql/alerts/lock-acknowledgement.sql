-- The acknowledgements of incidents whose ids lie in [low, high], held until the end of the transaction. Parameters: low, high, most (rows).
-- Rows: as Acknowledgement of src/alerts/delivery/acknowledgements.ts.
select incident_id, to_char(acknowledged_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as acknowledged_at,
  acknowledged_by as by, comment, to_char(until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as until
from keepwatch.alert_acknowledgement
where incident_id between $<low>::uuid and $<high>::uuid
order by alert_acknowledgement.incident_id
limit $<most>
for update;
