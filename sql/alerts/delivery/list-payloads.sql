-- What is to be told of alerts: as they were when they changed, with the values of now where they still fire. Parameters: members (JSON array of
-- group_key, rule_uid, fingerprint in hex). Rows: group_key, rule_uid, fingerprint (hex), group_name, payload.
select member.group_key, member.rule_uid, encode(member.fingerprint, 'hex') as fingerprint, member.group_name,
  case when member.is_firing and member.told = 'firing' and instance.incident_id = member.incident_id and instance.state <> 'nodata'
    then member.payload || jsonb_build_object('value', instance.value, 'row', instance.row, 'annotations', instance.annotations)
    else member.payload end as payload
from jsonb_to_recordset($<members:json>::jsonb) as given(group_key text, rule_uid text, fingerprint text)
  join keepwatch.notification_member as member
    on member.group_key = given.group_key and member.rule_uid = given.rule_uid and member.fingerprint = decode(given.fingerprint, 'hex')
  left join keepwatch.alert_instance as instance
    on instance.rule_uid = member.rule_uid and instance.fingerprint = member.fingerprint;
