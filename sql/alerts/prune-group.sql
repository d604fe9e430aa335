-- Forgets what is old: evaluations of 7 days, ok series not seen for a day, messages done for 30 days, transitions of 400 days.
-- Parameters: group, slot. No rows of interest.
with evaluations as (
  delete from keepwatch.alert_evaluation where group_name = $<group> and slot < $<slot>::timestamptz - interval '7 days'
), instances as (
  delete from keepwatch.alert_instance
  where group_name = $<group> and state = 'ok' and last_slot < $<slot>::timestamptz - interval '1 day'
), messages as (
  delete from keepwatch.notification_outbox
  where group_name = $<group> and status <> 'pending' and created_at < $<slot>::timestamptz - interval '30 days'
)
delete from keepwatch.alert_transition where group_name = $<group> and slot < $<slot>::timestamptz - interval '400 days';
