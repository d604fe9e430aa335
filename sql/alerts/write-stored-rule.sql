-- Makes a rule, or changes it: whoever calls has looked at its version under the lock of the revision. Parameters: uid, group, everyMs,
-- definition, enabled. One row: as StoredRule of src/alerts/definitions/stored-rules.ts.
insert into keepwatch.alert_rule as stored (uid, group_name, every_ms, definition, enabled, version)
values ($<uid>, $<group>, $<everyMs>, $<definition:json>::jsonb, $<enabled>,
  -- One that was deleted goes on counting: who has seen the old one changes no new one.
  coalesce((select max(version) from keepwatch.alert_rule_audit where uid = $<uid>), 0) + 1)
on conflict (uid) do update
  set group_name = excluded.group_name, every_ms = excluded.every_ms, definition = excluded.definition, enabled = excluded.enabled,
    version = stored.version + 1, updated_at = now()
returning uid, group_name as "group", every_ms::float8 as every_ms, definition, enabled, version::float8 as version,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
  to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as updated_at;
