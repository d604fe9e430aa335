-- What a tick has to know, in one snapshot. Parameters: silentMs (a source not heard of for longer is left out), backMs (for how long Postgres
-- has been in reach again; null when it always was), skewMs (a clock that is further behind is corrected), receivers (names), evaluatorId,
-- ruleSet, hash (hex), needs (JSON array of GroupNeeds, src/alerts/group-needs.ts: of each of its groups), standbyMs (a generation without a
-- living evaluator for longer may be replaced by an older set, and receivers without one are known to nobody).
-- Row: now_ms (clock of Postgres); watermark_ms (what all living sources have archived; null without one);
-- silent_sources (sources of the last day that are not closed, and are left out as nobody has heard of them);
-- held (JSON: name of a group that the evaluator holds to its epoch and last slot, ms); free (JSON array: its groups that it may take);
-- left (JSON array: its groups that nobody holds, for somebody who knows their receivers); foreign (JSON: name of a group of its files that another
-- rule set holds, with files of its own, to the name of that set);
-- is_current (it has the newest generation of the rule set); may_register (its set may become the newest);
-- is_dispatch_due (something is to be put into groups, or a group of these receivers is to be looked at);
-- due_receivers (JSON array: receivers that a message is due for, and null when a message has expired);
-- breaking_version (of the newest breaking migration; null without one); revision (of rules of the API and targets).
-- Nobody can be heard of while the server is down or out of reach: silence counts from when it is back. A clock that is behind would hold up
-- every slot for as long as it is behind: what such a source has archived counts by the clock of Postgres.
with living as (
  select min(low_watermark - case when clock_offset_ms < -$<skewMs> then clock_offset_ms else 0 end * interval '1 millisecond')
      filter (where is_heard) as low_watermark,
    count(*) filter (where not is_heard) as silent_sources
  from (
    select low_watermark, clock_offset_ms,
      greatest(last_seen_at, pg_postmaster_start_time(), clock_timestamp() - $<backMs>::float8 * interval '1 millisecond')
        > clock_timestamp() - $<silentMs> * interval '1 millisecond' as is_heard
    from keepwatch.sources
    where not closed and last_seen_at > clock_timestamp() - interval '1 day') as known
), newest as (
  select hash from keepwatch.alert_rule_set where name = $<ruleSet> order by generation desc limit 1
), own as (
  select decode($<hash>, 'hex') as hash
), given as (
  select wanted.group_name as name, found.evaluator_id, found.epoch, found.last_slot,
    holder.evaluator_id is not null and (holder.rule_set <> $<ruleSet> or holder.hash = own.hash)
      -- Who knows the receivers takes what services share from who does not.
      and not (wanted.is_known and holder.evaluator_id <> $<evaluatorId> and (wanted.is_stored or holder.hash = own.hash)
        and not (holder.receivers @> wanted.receivers and (not wanted.is_any or holder.receivers <> '{}'))) as is_held,
    not wanted.is_known and exists (
      select from keepwatch.alert_evaluator as other
      where other.evaluator_id <> $<evaluatorId> and other.lease_until > clock_timestamp() - $<standbyMs> * interval '1 millisecond'
        and (wanted.is_stored or other.hash = own.hash)
        and other.receivers @> wanted.receivers and (not wanted.is_any or other.receivers <> '{}')) as is_left,
    case when not wanted.is_stored and holder.rule_set <> $<ruleSet> and holder.hash <> own.hash then holder.rule_set end as other_set
  from own, jsonb_to_recordset($<needs:json>::jsonb)
      as wanted(group_name text, receivers text[], is_any boolean, is_known boolean, is_stored boolean)
    left join keepwatch.alert_group as found using (group_name)
    left join keepwatch.alert_evaluator as holder
      on holder.evaluator_id = found.evaluator_id and holder.lease_until > clock_timestamp()
)
select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms,
  (select max(version) from keepwatch.migration where is_breaking) as breaking_version,
  (select revision::float8 from keepwatch.alert_definition_revision) as revision,
  (select (extract(epoch from low_watermark) * 1000)::float8 from living) as watermark_ms,
  (select silent_sources::integer from living) as silent_sources,
  coalesce((select hash from newest) = (select hash from own), false) as is_current,
  (select hash from own) not in (select hash from keepwatch.alert_rule_set where name = $<ruleSet>)
    or (select hash from newest) <> (select hash from own) and not exists (
      select from keepwatch.alert_evaluator
      where rule_set = $<ruleSet> and hash = (select hash from newest) and evaluator_id <> $<evaluatorId>
        and lease_until > clock_timestamp() - $<standbyMs> * interval '1 millisecond') as may_register,
  (select coalesce(jsonb_object_agg(name,
      jsonb_build_object('epoch', epoch, 'last_slot_ms', (extract(epoch from last_slot) * 1000)::float8)), '{}')
    from given where evaluator_id = $<evaluatorId> and is_held) as held,
  (select coalesce(jsonb_agg(name), '[]') from given where not is_held and not is_left) as free,
  (select coalesce(jsonb_agg(name), '[]') from given where not is_held and is_left) as left,
  (select coalesce(jsonb_object_agg(name, other_set), '{}') from given where other_set is not null) as foreign,
  exists (select from keepwatch.notification_change)
    or exists (select from keepwatch.notification_group where receiver = any($<receivers>::text[]) and due_at <= clock_timestamp()) as is_dispatch_due,
  (select coalesce(jsonb_agg(name), '[]') from (
      select name from unnest($<receivers>::text[]) as given(name)
      where exists (
        select from keepwatch.notification_outbox
        where status = 'pending' and receiver = name and next_attempt_at <= clock_timestamp()
          and (lease_until is null or lease_until < clock_timestamp()))
      union all
      select null where exists (
        select from keepwatch.notification_outbox where status = 'pending' and expires_at <= clock_timestamp())) as due) as due_receivers;
