-- A token bucket for each receiver, full. Parameters: paces (JSON array of receiver, burst). No rows.
insert into keepwatch.notification_pace (receiver, tokens, filled_at)
select receiver, burst, clock_timestamp()
from jsonb_to_recordset($<paces:json>::jsonb) as given(receiver text, burst float8)
on conflict (receiver) do nothing;
