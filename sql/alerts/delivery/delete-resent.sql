-- Removes what was sent again and arrived: of these only the newest is of interest. Parameters: groups (keys). No rows.
delete from keepwatch.notification_outbox as old
where group_key = any($<groups>::text[]) and status = 'sent' and payload -> 'together' ->> 'why' = 'repeat interval elapsed'
  and exists (select from keepwatch.notification_outbox as newer where newer.group_key = old.group_key and newer.version > old.version);
