-- Says that targets are still declared. Parameters: service, targets (JSON array of type, name, quantile). No rows.
update keepwatch.targets
set last_seen_at = now()
from jsonb_to_recordset($<targets>::jsonb) as given(type text, name text, quantile double precision)
where targets.service = $<service> and targets.type = given.type and targets.name = given.name and targets.quantile = given.quantile;
