-- Begins the digest of a storm, or writes on it. Parameters: id (null: it is begun), receiver, payload, alerts, thread, alertname, collectMs (until it
-- goes out), maxAgeMs (when to give up). No rows.
insert into keepwatch.notification_outbox as known (id, group_name, rule_uid, rule, fingerprint, incident_id, receiver, reason, kind, alerts, dedupe_key,
  payload, next_attempt_at, expires_at)
values (coalesce($<id>::uuid, gen_random_uuid()), 'keepwatch', 'keepwatch/' || $<alertname>, $<alertname>, '\x00', $<thread>, $<receiver>, 'firing', 'digest',
  $<alerts>, concat_ws(':', 'digest', $<receiver>, $<thread>::text), $<payload:json>, clock_timestamp() + $<collectMs> * interval '1 millisecond',
  clock_timestamp() + $<maxAgeMs> * interval '1 millisecond')
on conflict (id) do update set payload = excluded.payload, alerts = excluded.alerts;
