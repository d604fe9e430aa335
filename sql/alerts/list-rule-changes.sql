-- The newest 100 changes of a rule of the API. Parameters: uid. Rows: as RuleChange of src/alerts/definitions/stored-rules.ts.
select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, action, actor, version::float8 as version, before, after
from keepwatch.alert_rule_audit
where uid = $<uid>
order by id desc
limit 100;
