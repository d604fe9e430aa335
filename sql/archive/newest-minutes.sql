-- In which minutes of [from, to) the newest events of some series ended, as rollups know it: as many minutes, from the newest on, as have
-- wanted rows together, or as far back as was looked. Of each series its newest rows are looked at, budget in all, one at least.
-- Parameters: from, to (milliseconds since the epoch), wanted, budget; and, each null for all: type, names (array), service, status,
-- minDurationMs, maxDurationMs (a minute is left out when none of its executions took so long, or all took longer).
-- One row: minutes (milliseconds since the epoch, the newest first), rows (in these minutes; of the last one they may be more), since (all
-- minutes from here on that have any are among them; milliseconds since the epoch), series (how many were looked at). None while rows of the range are still to be added to
-- the rollups.
with span as materialized (
  -- Rollups outlive raw rows.
  select greatest(to_timestamp($<from>::float8 / 1000), to_date(substring(min(pg_class.relname) from 'p(\d{8})$'), 'YYYYMMDD')::timestamp at time zone 'UTC')
    as since, to_timestamp($<to>::float8 / 1000) as until
  from pg_inherits
  join pg_class on pg_class.oid = pg_inherits.inhrelid
  where pg_inherits.inhparent = 'keepwatch.observability_metrics'::regclass
), series as materialized (
  select series_id
  from keepwatch.observability_series
  where ($<type> is null or type = $<type>)
    and ($<names>::text[] is null or name = any ($<names>::text[]))
    and ($<service> is null or service = $<service>)
), share as materialized (
  select least($<wanted>, greatest(1, $<budget> / greatest(1, count(*)))) as rows, date_trunc('minute', since, 'UTC') as since, until
  from series
  cross join span
  group by span.since, span.until
), newest as materialized (
  select series.series_id, part.bucket, part.rows
  from share
  cross join series
  cross join lateral (
    select *
    from (
      (
        select bucket, rows
        from keepwatch.rollup_minutes
        where series_id = series.series_id and ($<status> is null or status = $<status>)
          and ($<minDurationMs> is null or max_us >= $<minDurationMs>::float8 * 1000 - 1)
          and ($<maxDurationMs> is null or min_us <= $<maxDurationMs>::float8 * 1000 + 1)
          and bucket >= date_trunc('minute', to_timestamp($<from>::float8 / 1000), 'UTC') and bucket < to_timestamp($<to>::float8 / 1000)
          and bucket >= share.since
        order by bucket desc
        limit share.rows
      )
      union all
      (
        select bucket, rows
        from keepwatch.rollup_deltas
        where series_id = series.series_id and ($<status> is null or status = $<status>)
          and ($<minDurationMs> is null or max_us >= $<minDurationMs>::float8 * 1000 - 1)
          and ($<maxDurationMs> is null or min_us <= $<maxDurationMs>::float8 * 1000 + 1)
          and bucket >= share.since and bucket < share.until
        order by bucket desc
        limit share.rows
      )
    ) as both_parts
    order by bucket desc
    limit share.rows
  ) as part
), looked as (
  -- Of a series that has more than was looked at, nothing older is known.
  select max(oldest.bucket) as since
  from share
  left join (
    select series_id, min(bucket) as bucket, count(*) as rows from newest group by series_id
  ) as oldest on oldest.rows >= share.rows
), counted as (
  select bucket, sum(sum(rows)) over (order by bucket desc) as so_far, sum(rows) as rows
  from newest
  where bucket >= coalesce((select since from looked), '-infinity')
  group by bucket
), chosen as (
  select bucket, rows from counted where so_far - rows < $<wanted>
)
select coalesce(array_agg(extract(epoch from chosen.bucket)::float8 * 1000 order by chosen.bucket desc) filter (where chosen.bucket is not null), '{}') as minutes,
  coalesce(sum(chosen.rows), 0)::float8 as rows,
  coalesce(extract(epoch from case when sum(chosen.rows) >= $<wanted> then min(chosen.bucket) else looked.since end)::float8 * 1000, $<from>::float8) as since,
  (select count(*) from series)::float8 as series
from looked
left join chosen on true
where not exists (
    select from keepwatch.rollup_history
    where day >= (to_timestamp($<from>::float8 / 1000) at time zone 'UTC')::date and day <= (to_timestamp($<to>::float8 / 1000) at time zone 'UTC')::date
  )
  and not exists (
    select from keepwatch.rollup_backlog
    where archived_at - interval '8 days' < to_timestamp($<to>::float8 / 1000) and archived_at + interval '2 hours' > to_timestamp($<from>::float8 / 1000)
  )
group by looked.since;
