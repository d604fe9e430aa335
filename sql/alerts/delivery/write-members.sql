-- Notes what receivers have heard of alerts, and forgets those that nothing more is to be told of, and groups without any.
-- Parameters: told (JSON array of group_key, rule_uid, fingerprint in hex, told, told_mark), done (the first three), groups (keys that were looked at).
-- No rows.
with told as (
  update keepwatch.notification_member as member
  set told = given.told, told_mark = given.told_mark
  from jsonb_to_recordset($<told:json>::jsonb) as given(group_key text, rule_uid text, fingerprint text, told text, told_mark text)
  where member.group_key = given.group_key and member.rule_uid = given.rule_uid and member.fingerprint = decode(given.fingerprint, 'hex')
), done as (
  delete from keepwatch.notification_member as member
  using jsonb_to_recordset($<done:json>::jsonb) as given(group_key text, rule_uid text, fingerprint text)
  where member.group_key = given.group_key and member.rule_uid = given.rule_uid and member.fingerprint = decode(given.fingerprint, 'hex')
  returning member.group_key, member.rule_uid, member.fingerprint
)
delete from keepwatch.notification_group
where group_key = any($<groups>::text[]) and not exists (
  select from keepwatch.notification_member as member
  where member.group_key = notification_group.group_key
    and not exists (select from done where done.group_key = member.group_key and done.rule_uid = member.rule_uid
      and done.fingerprint = member.fingerprint));
