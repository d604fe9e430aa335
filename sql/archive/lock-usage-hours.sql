-- Has whoever changes rows of these hours wait until they are closed, or this until they have. Parameters: since, until (whole hours). No rows.
insert into keepwatch.usage_closings (hour, reopened_at)
select hour, clock_timestamp() from generate_series($<since>::timestamptz, $<until>::timestamptz - interval '1 hour', interval '1 hour') as hour
on conflict (hour) do update set reopened_at = coalesce(usage_closings.reopened_at, excluded.reopened_at);
