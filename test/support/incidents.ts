// Incidents as an evaluator leaves them, in any state, without one that runs.
import type { Database } from '../../src/db/database.ts';

/** @param states by incident id; `ok`: it is over. Each is of the rule R of the group g, its label `name` the beginning of its id */
export async function insertIncidents(
  database: Database,
  states: Readonly<Record<string, 'ok' | 'pending' | 'firing' | 'nodata'>>,
): Promise<void> {
  const incidents = Object.entries(states).map(([id, state]) => ({ id, state }));
  await database.none(
    `insert into keepwatch.alert_instance (group_name, rule, rule_uid, fingerprint, last_slot, active_at, fired_at, incident_id, state, is_told, labels, row)
     select 'g', 'R', 'g/R', decode(md5(id), 'hex'), now(), now(), case when state = 'firing' then now() end, id::uuid, state, state <> 'pending',
       jsonb_build_object('alertname', 'R', 'name', left(id, 8)), '{}'
     from jsonb_to_recordset($<incidents:json>::jsonb) as given (id text, state text)
     where state <> 'ok'`,
    { incidents },
  );
  await database.none(
    `insert into keepwatch.alert_transition (slot, incident_id, group_name, rule, rule_uid, fingerprint, from_state, to_state, reason, labels, row)
     select now() - back * interval '1 minute', id::uuid, 'g', 'R', 'g/R', decode(md5(id), 'hex'), from_state, to_state, reason,
       jsonb_build_object('alertname', 'R', 'name', left(id, 8)), '{}'
     from jsonb_to_recordset($<incidents:json>::jsonb) as given (id text, state text)
     cross join (values (20, 'ok', 'firing', 'breach'), (10, 'firing', 'ok', 'clear')) as change (back, from_state, to_state, reason)
     where state = 'ok' or to_state = 'firing'`,
    { incidents },
  );
}
