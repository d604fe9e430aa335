-- Notes that somebody works on an incident, instead of whoever did before. Parameters: incident, by, comment, until (ISO 8601 or null: with the
-- incident). The row, as Acknowledgement of src/alerts/delivery/acknowledgements.ts.
insert into keepwatch.alert_acknowledgement (incident_id, acknowledged_by, comment, until)
values ($<incident>, $<by>, $<comment>, $<until>::timestamptz)
on conflict (incident_id) do update
set acknowledged_at = now(), acknowledged_by = excluded.acknowledged_by, comment = excluded.comment, until = excluded.until
returning incident_id, to_char(acknowledged_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as acknowledged_at,
  acknowledged_by as by, comment, to_char(until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as until;
