-- Between an alert and its messages: groups of alerts that a receiver hears of together, silences and acknowledgements, and what became of each
-- attempt to deliver.

create table keepwatch.notification_change (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  rule_uid text not null,
  fingerprint bytea not null,
  incident_id uuid not null,
  rule text not null,
  group_name text not null,
  kind text not null check (kind in ('tell', 'end', 'forget')),
  slot timestamptz not null,
  every_ms integer not null,
  mark text,
  is_latched boolean not null default false,
  destination jsonb,
  payload jsonb
);
create index notification_change_incident_id_idx on keepwatch.notification_change (incident_id);
comment on table keepwatch.notification_change is 'What evaluators have to tell, inserted with the transition that owes it, until the dispatcher has put it into groups: normally less than a second.';
comment on column keepwatch.notification_change.id is 'Order of the changes of a series.';
comment on column keepwatch.notification_change.at is 'When its transition was committed.';
comment on column keepwatch.notification_change.rule_uid is 'The rule: alert_instance.rule_uid.';
comment on column keepwatch.notification_change.fingerprint is 'The series: alert_instance.fingerprint.';
comment on column keepwatch.notification_change.incident_id is 'The incident.';
comment on column keepwatch.notification_change.rule is 'Name of the rule (alertname).';
comment on column keepwatch.notification_change.group_name is 'Group of the rule.';
comment on column keepwatch.notification_change.kind is 'tell (it fires, is worse, or without data), end (those who know of the incident are told of its end) or forget (nobody is).';
comment on column keepwatch.notification_change.slot is 'The slot of the transition.';
comment on column keepwatch.notification_change.every_ms is 'Distance of the slots of the rule, in ms.';
comment on column keepwatch.notification_change.mark is 'What there is to tell: notification_member.mark. Null but for tell.';
comment on column keepwatch.notification_change.is_latched is 'It is told once for each of its steps, and not repeated.';
comment on column keepwatch.notification_change.destination is 'The notification_group that it belongs to: group_key, receiver, route, labels, settings. Null but for tell.';
comment on column keepwatch.notification_change.payload is 'The alert as it was in the slot; of an end what has changed of it. Null for forget.';

create table keepwatch.notification_group (
  group_key text primary key,
  receiver text not null,
  route text not null,
  labels jsonb not null,
  settings jsonb not null,
  due_at timestamptz,
  flushed_at timestamptz,
  told_at timestamptz,
  version bigint not null default 0,
  thread uuid
) with (fillfactor = 50);
create index notification_group_due_at_idx on keepwatch.notification_group (receiver, due_at) where due_at is not null;
comment on table keepwatch.notification_group is 'Alerts that a receiver hears of together, in messages as rare as its route says. Gone with the last of its alerts.';
comment on column keepwatch.notification_group.group_key is 'SHA-256 of receiver, route and labels, in hexadecimal.';
comment on column keepwatch.notification_group.receiver is 'Name of the receiver in the configuration.';
comment on column keepwatch.notification_group.route is 'The route that its alerts came by, as its matchers are written; notify or default where they came by none.';
comment on column keepwatch.notification_group.labels is 'What its alerts have in common: the labels of group_by.';
comment on column keepwatch.notification_group.settings is 'What the route said when an alert came by it last: intervals, mute times, level of escalation.';
comment on column keepwatch.notification_group.due_at is 'When it is looked at next. Null: when one of its alerts changes.';
comment on column keepwatch.notification_group.flushed_at is 'When it was looked at last; group_interval counts from here.';
comment on column keepwatch.notification_group.told_at is 'When the last message about it went to the outbox.';
comment on column keepwatch.notification_group.version is 'Messages about it so far.';
comment on column keepwatch.notification_group.thread is 'What its messages have in common for the receiver: the incident that was told first, until all are over.';

create table keepwatch.notification_member (
  group_key text not null,
  rule_uid text not null,
  fingerprint bytea not null,
  incident_id uuid not null,
  rule text not null,
  group_name text not null,
  changed_at timestamptz not null default now(),
  every_ms integer not null,
  is_firing boolean not null,
  is_latched boolean not null default false,
  mark text not null,
  told text check (told in ('firing', 'resolved')),
  told_mark text,
  turns bigint[] not null default '{}',
  labels jsonb not null,
  payload jsonb not null,
  primary key (group_key, rule_uid, fingerprint)
) with (fillfactor = 70);
create index notification_member_incident_id_idx on keepwatch.notification_member (incident_id);
comment on table keepwatch.notification_member is 'Alerts of a group: those that fire, and those whose end is still to be told.';
comment on column keepwatch.notification_member.group_key is 'Its notification_group.';
comment on column keepwatch.notification_member.rule_uid is 'The rule: alert_instance.rule_uid.';
comment on column keepwatch.notification_member.fingerprint is 'The series: alert_instance.fingerprint.';
comment on column keepwatch.notification_member.incident_id is 'The newest incident of the series.';
comment on column keepwatch.notification_member.rule is 'Name of the rule (alertname).';
comment on column keepwatch.notification_member.group_name is 'Group of the rule.';
comment on column keepwatch.notification_member.changed_at is 'When the evaluator has told its last change.';
comment on column keepwatch.notification_member.every_ms is 'Distance of the slots of the rule, in ms.';
comment on column keepwatch.notification_member.is_firing is 'Whether it fires, or is without data. False: it is over.';
comment on column keepwatch.notification_member.is_latched is 'It is told once for each of its steps, and not repeated.';
comment on column keepwatch.notification_member.mark is 'What there is to tell of it: changes with everything that people hear of anew, such as its severity.';
comment on column keepwatch.notification_member.told is 'What the receiver heard of it last. Null: nothing.';
comment on column keepwatch.notification_member.told_mark is 'The mark of what the receiver heard last.';
comment on column keepwatch.notification_member.turns is 'Slots, in ms since the epoch, in which it last began to fire or ended: many of them in a short time are flapping.';
comment on column keepwatch.notification_member.labels is 'Labels of the alert.';
comment on column keepwatch.notification_member.payload is 'The alert as it was in the slot of its last change.';

create table keepwatch.alert_silence (
  id uuid primary key default gen_random_uuid(),
  matchers jsonb not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null check (ends_at >= starts_at),
  created_by text not null,
  comment text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1
);
create index alert_silence_ends_at_idx on keepwatch.alert_silence (ends_at);
comment on table keepwatch.alert_silence is 'Alerts of which nobody is told for a while. Kept for 30 days after their end.';
comment on column keepwatch.alert_silence.id is 'Its name in the API.';
comment on column keepwatch.alert_silence.matchers is 'JSON array of name, value, isRegex and isEqual, as in the API of Alertmanager; all have to match.';
comment on column keepwatch.alert_silence.starts_at is 'From when it holds.';
comment on column keepwatch.alert_silence.ends_at is 'Until when it holds; one that somebody has ended, ends then.';
comment on column keepwatch.alert_silence.created_by is 'Who made it, as they said.';
comment on column keepwatch.alert_silence.comment is 'Why.';
comment on column keepwatch.alert_silence.created_at is 'When it was made.';
comment on column keepwatch.alert_silence.updated_at is 'When it was last changed.';
comment on column keepwatch.alert_silence.version is 'Counts its changes: who changes it says which one it saw.';

create table keepwatch.alert_acknowledgement (
  incident_id uuid primary key,
  acknowledged_at timestamptz not null default now(),
  acknowledged_by text not null,
  comment text not null default '',
  until timestamptz
);
comment on table keepwatch.alert_acknowledgement is 'Incidents that somebody works on: they are not repeated and not escalated. Kept for 30 days after the incident.';
comment on column keepwatch.alert_acknowledgement.incident_id is 'The incident: alert_instance.incident_id.';
comment on column keepwatch.alert_acknowledgement.acknowledged_at is 'When.';
comment on column keepwatch.alert_acknowledgement.acknowledged_by is 'Who, as they said.';
comment on column keepwatch.alert_acknowledgement.comment is 'What they said beside it.';
comment on column keepwatch.alert_acknowledgement.until is 'When it ends by itself. Null: with the incident.';

create table keepwatch.notification_attempt (
  message_id uuid not null references keepwatch.notification_outbox (id) on delete cascade,
  attempt integer not null,
  at timestamptz not null default now(),
  outcome text not null check (outcome in ('delivered', 'retry', 'refused', 'unknown')),
  duration_ms integer not null,
  answer text not null,
  primary key (message_id, attempt)
);
comment on table keepwatch.notification_attempt is 'What became of each attempt to deliver a message. Gone with its message; at most the last 50 of each.';
comment on column keepwatch.notification_attempt.message_id is 'The message: notification_outbox.id.';
comment on column keepwatch.notification_attempt.attempt is 'From 1.';
comment on column keepwatch.notification_attempt.at is 'When its outcome was known.';
comment on column keepwatch.notification_attempt.outcome is 'delivered, retry (may be taken later), refused (never) or unknown (sent, and nobody knows whether it arrived).';
comment on column keepwatch.notification_attempt.duration_ms is 'How long it took.';
comment on column keepwatch.notification_attempt.answer is 'What the receiver said, or what went wrong.';

create table keepwatch.notification_pace (
  receiver text primary key,
  tokens double precision not null,
  filled_at timestamptz not null,
  hold_until timestamptz
) with (fillfactor = 50);
comment on table keepwatch.notification_pace is 'How many messages each receiver may be sent now: a token bucket that all processes share.';
comment on column keepwatch.notification_pace.receiver is 'Name of the receiver in the configuration.';
comment on column keepwatch.notification_pace.tokens is 'Messages that could be sent at filled_at.';
comment on column keepwatch.notification_pace.filled_at is 'The moment that tokens is of.';
comment on column keepwatch.notification_pace.hold_until is 'The receiver wants to be left alone until then (Retry-After).';

alter table keepwatch.notification_outbox
  add column group_key text,
  add column version bigint,
  add column kind text not null default 'alerts' check (kind in ('alerts', 'digest', 'delivery')),
  add column alerts integer not null default 1,
  add column merged_into uuid,
  drop constraint notification_outbox_status_check,
  add constraint notification_outbox_status_check check (status in ('pending', 'sent', 'dead', 'merged'));
create index notification_outbox_group_key_idx on keepwatch.notification_outbox (group_key, version);
create index notification_outbox_turn_idx on keepwatch.notification_outbox (receiver, created_at) where status = 'pending';
create index notification_outbox_expires_at_idx on keepwatch.notification_outbox (expires_at) where status = 'pending';
create index notification_outbox_created_at_idx on keepwatch.notification_outbox (created_at);
comment on column keepwatch.notification_outbox.incident_id is 'What messages of one conversation have in common: the incident that its group told first.';
comment on column keepwatch.notification_outbox.group_key is 'The group that it is about: notification_group. Null: it is about one alert, by an older version.';
comment on column keepwatch.notification_outbox.version is 'Which message of the group it is; a group is told in this order.';
comment on column keepwatch.notification_outbox.kind is 'alerts, digest (of more groups than people can read) or delivery (messages to another receiver were given up).';
comment on column keepwatch.notification_outbox.alerts is 'Alerts that it tells of.';
comment on column keepwatch.notification_outbox.merged_into is 'The message that tells its news too, as this one was not sent in time.';
comment on column keepwatch.notification_outbox.status is 'pending, sent, dead (given up) or merged (into a newer message).';
comment on column keepwatch.notification_outbox.dedupe_key is 'Each of these is told once: group, version, and the moment at which the group was looked at.';

-- Who was told of an incident that is still open is told of its end: each receiver has heard of the alert alone, at once.
with told as (
  select distinct on (message.receiver, open.rule_uid, open.fingerprint) message.receiver, message.payload, open.rule_uid, open.fingerprint,
    open.incident_id, open.rule, open.group_name, open.labels,
    encode(sha256(convert_to(format('[%s,%s,%s]', to_json(message.receiver), to_json(open.rule_uid), to_json(encode(open.fingerprint, 'hex'))),
      'UTF8')), 'hex') as group_key
  from keepwatch.alert_instance as open
    join keepwatch.notification_outbox as message on message.incident_id = open.incident_id
  where open.state <> 'ok' and message.reason <> 'resolved'
  order by message.receiver, open.rule_uid, open.fingerprint, message.created_at desc
), groups as (
  insert into keepwatch.notification_group (group_key, receiver, route, labels, settings, flushed_at, told_at, thread)
  select group_key, receiver, 'default', labels,
    '{"groupWaitMs": 0, "groupIntervalMs": 0, "repeatIntervalMs": null, "mute": [], "level": 0}', now(), now(), incident_id
  from told
)
insert into keepwatch.notification_member (group_key, rule_uid, fingerprint, incident_id, rule, group_name, every_ms, is_firing, mark, told, told_mark,
  labels, payload)
select group_key, rule_uid, fingerprint, incident_id, rule, group_name, 60000, true, 'firing', 'firing', 'firing', labels, payload
from told;

create function keepwatch.describe_dead_message(id uuid, receiver text, rule text, payload jsonb, error text) returns jsonb
language sql stable
as $$
  select jsonb_build_object(
    'status', 'firing', 'reason', 'firing', 'group', 'keepwatch',
    'labels', jsonb_build_object('alertname', 'NotificationsDead', 'severity', 'critical', 'receiver', receiver),
    'annotations', jsonb_build_object(
      'summary', format('Messages to the receiver %s are given up: people do not hear of alerts.', receiver),
      'description', format('The first of this hour was about %s: %s', rule, left(error, 300))),
    'startsAt', at, 'endsAt', null, 'activeAt', at, 'slot', at,
    'fingerprint', rpad(replace(id::text, '-', ''), 64, '0'), 'incidentId', id, 'value', null,
    'row', jsonb_build_object('receiver', receiver, 'alertname', rule, 'message', id),
    'context', jsonb_build_array(jsonb_build_object('alertname', rule, 'labels', (payload -> 'labels')::text, 'error', left(error, 300))),
    'fireWhen', 'a message is given up', 'forMs', 0, 'partial', false)
  from (select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at) as moment
$$;
comment on function keepwatch.describe_dead_message is 'What another receiver is told of messages that were given up: the payload of its message.';
revoke execute on function keepwatch.describe_dead_message from public;

alter table keepwatch.alert_audit
  drop constraint alert_audit_kind_check,
  add constraint alert_audit_kind_check check (kind in ('budget', 'series', 'silence', 'acknowledgement')),
  drop constraint alert_audit_action_check,
  add constraint alert_audit_action_check check (action in ('create', 'update', 'delete', 'forget', 'expire'));
comment on table keepwatch.alert_audit is 'What people changed of budgets, silences and acknowledgements, and which series they had forgotten, written in the transaction that did it. Kept for 400 days, the newest of a budget for ever; rules have alert_rule_audit.';
comment on column keepwatch.alert_audit.kind is 'budget, series, silence or acknowledgement.';
comment on column keepwatch.alert_audit.name is 'Name of the budget; of a series its fingerprint, in hexadecimal; id of the silence; of an acknowledgement that of its incident.';
comment on column keepwatch.alert_audit.action is 'create, update or delete of a budget and of an acknowledgement; create, update or expire of a silence; forget of a series.';
comment on column keepwatch.alert_audit.version is 'Version of the budget or silence after the change; of a deleted one, the last that it had. Null for a series and an acknowledgement.';
comment on column keepwatch.alert_audit.before is 'How it was before, null when it was made; of a series: rule, rule_uid, state, labels, incident_id.';
comment on column keepwatch.alert_audit.after is 'How it is after; null when it was deleted, and for a series.';

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant all on keepwatch.notification_change, keepwatch.notification_group, keepwatch.notification_member, keepwatch.alert_silence, keepwatch.alert_acknowledgement,
      keepwatch.notification_attempt, keepwatch.notification_pace to keepwatch_owner;
    grant execute on function keepwatch.describe_dead_message to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.notification_change, keepwatch.notification_group, keepwatch.notification_member, keepwatch.alert_silence, keepwatch.alert_acknowledgement,
      keepwatch.notification_attempt, keepwatch.notification_pace to keepwatch_reader;
  end if;
end
$$;
