-- Silences whose ids lie in [low, high]: of one id, or of all that begin alike. Parameters: low, high, most (rows). Rows: as SilenceRow of
-- src/alerts/delivery/silences.ts.
select *, now() as read_at
from keepwatch.alert_silence
where id between $<low>::uuid and $<high>::uuid
order by id
limit $<most>;
