-- The silences that hold at the moment. No parameters. Rows: id, version, matchers.
select id, version, matchers
from keepwatch.alert_silence
where starts_at <= now() and ends_at > now()
order by id;
