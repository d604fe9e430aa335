-- What a tick has to know, in one snapshot. Parameters: silentMs (a source not heard of for longer is left out), backMs (for how long Postgres
-- has been in reach again; null when it always was), skewMs (a clock that is further behind is corrected), receivers (names).
-- Row: now_ms (clock of Postgres); watermark_ms (what all living sources have archived; null without one); groups (JSON: name to last slot, ms);
-- due_receivers (JSON array: receivers that a message is due for, and null when a message has expired).
-- breaking_version (of the newest breaking migration; null without one).
-- Nobody can be heard of while the server is down or out of reach: silence counts from when it is back. A clock that is behind would hold up
-- every slot for as long as it is behind: what such a source has archived counts by the clock of Postgres.
with living as (
  select min(low_watermark - case when clock_offset_ms < -$<skewMs> then clock_offset_ms else 0 end * interval '1 millisecond') as low_watermark
  from keepwatch.sources
  where not closed and last_seen_at > clock_timestamp() - interval '1 day'
    and greatest(last_seen_at, pg_postmaster_start_time(), clock_timestamp() - $<backMs>::float8 * interval '1 millisecond')
      > clock_timestamp() - $<silentMs> * interval '1 millisecond'
)
select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms,
  (select max(version) from keepwatch.migration where is_breaking) as breaking_version,
  (select (extract(epoch from low_watermark) * 1000)::float8 from living) as watermark_ms,
  (select coalesce(jsonb_object_agg(group_name, (extract(epoch from last_slot) * 1000)::float8), '{}') from keepwatch.alert_group) as groups,
  (select coalesce(jsonb_agg(distinct receiver), '[]') from keepwatch.notification_outbox
    where status = 'pending' and (expires_at <= clock_timestamp()
      or receiver = any($<receivers>::text[]) and next_attempt_at <= clock_timestamp() and (lease_until is null or lease_until < clock_timestamp()))
  ) as due_receivers;
