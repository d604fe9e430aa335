-- Records a change of a rule of the API. Parameters: uid, action, actor, version, before, after (JSON as text, or null). No rows.
insert into keepwatch.alert_rule_audit (uid, action, actor, version, before, after)
values ($<uid>, $<action>, $<actor>, $<version>, $<before>::jsonb, $<after>::jsonb);
