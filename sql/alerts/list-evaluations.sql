-- Evaluations of a rule whose slots lie in [from, to), newest first, behind the one that the cursor names. Parameters: uid, from, to (milliseconds
-- since the epoch), limit, beforeTime (null: from the newest). Rows: as EvaluationEntry of src/alerts/history.ts.
select to_char(slot at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as slot,
  to_char(evaluated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as evaluated_at, duration_ms, series, partial, outcome, sqlstate, error
from keepwatch.alert_evaluation
where rule_uid = $<uid>
  and slot >= to_timestamp($<from>::float8 / 1000) and slot < to_timestamp($<to>::float8 / 1000)
  and ($<beforeTime> is null or slot < $<beforeTime>::timestamptz)
order by slot desc
limit $<limit>;
