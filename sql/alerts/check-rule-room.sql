-- What a rule finds besides it. Parameters: uid, group, alert (its name). One row: rules (of the API, without it), every_ms (of its group; null when it
-- is alone), is_taken (its group has an alert of this name).
select count(*)::integer as rules, min(every_ms) filter (where group_name = $<group>)::float8 as every_ms,
  coalesce(bool_or(group_name = $<group> and definition ->> 'alert' = $<alert>), false) as is_taken
from keepwatch.alert_rule
where uid <> $<uid>;
