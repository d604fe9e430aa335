-- Alerts of groups. Parameters: groups (keys). Rows: group_key, rule_uid, fingerprint (hex), incident_id, rule, is_firing, is_latched, mark, told, told_mark,
-- turns (ms), every_ms, changed_at_ms, is_acknowledged, labels.
select member.group_key, member.rule_uid, encode(member.fingerprint, 'hex') as fingerprint, member.incident_id, member.rule, member.is_firing,
  member.is_latched, member.mark, member.told, member.told_mark, member.turns::float8[] as turns, member.every_ms,
  (extract(epoch from member.changed_at) * 1000)::float8 as changed_at_ms, acknowledgement.incident_id is not null as is_acknowledged, member.labels
from keepwatch.notification_member as member
  left join keepwatch.alert_acknowledgement as acknowledgement
    on acknowledgement.incident_id = member.incident_id and coalesce(acknowledgement.until > clock_timestamp(), true)
where member.group_key = any($<groups>::text[])
order by member.group_key, member.rule_uid, member.fingerprint;
