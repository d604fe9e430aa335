-- Alerts: what was evaluated, the state of every series, every change of it, and the messages that those changes owe.

create table keepwatch.alert_group (
  group_name text primary key,
  every_ms bigint not null check (every_ms > 0),
  last_slot timestamptz not null,
  missed bigint not null default 0,
  evaluated_at timestamptz not null default now()
) with (fillfactor = 50);
comment on table keepwatch.alert_group is 'How far each rule group has been evaluated. Moving last_slot forward is what claims a slot.';
comment on column keepwatch.alert_group.group_name is 'Name of the group in its rule file.';
comment on column keepwatch.alert_group.every_ms is 'Distance of the slots of the group when it was last evaluated, in milliseconds.';
comment on column keepwatch.alert_group.last_slot is 'The newest slot that is committed.';
comment on column keepwatch.alert_group.missed is 'Slots that were skipped because newer ones were due.';
comment on column keepwatch.alert_group.evaluated_at is 'When last_slot was committed, by the clock of Postgres.';

create table keepwatch.alert_evaluation (
  group_name text not null,
  rule text not null,
  slot timestamptz not null,
  evaluated_at timestamptz not null default now(),
  duration_ms double precision not null,
  series integer not null,
  partial boolean not null default false,
  outcome text not null check (outcome in ('ok', 'error')),
  sqlstate text,
  error text,
  primary key (group_name, rule, slot)
);
comment on table keepwatch.alert_evaluation is 'Every evaluation of a rule, a row each: a slot can be committed only once. Kept for 7 days.';
comment on column keepwatch.alert_evaluation.group_name is 'Group of the rule.';
comment on column keepwatch.alert_evaluation.rule is 'Name of the rule (alertname).';
comment on column keepwatch.alert_evaluation.slot is 'The moment that the rule was evaluated for: its :now.';
comment on column keepwatch.alert_evaluation.evaluated_at is 'When it was committed, by the clock of Postgres.';
comment on column keepwatch.alert_evaluation.duration_ms is 'How long the query and its conditions took, in milliseconds.';
comment on column keepwatch.alert_evaluation.series is 'Rows that the query returned: one per series.';
comment on column keepwatch.alert_evaluation.partial is 'The archive had not reached the slot and the wait was over: nothing is resolved by such an evaluation.';
comment on column keepwatch.alert_evaluation.outcome is 'ok, or error: then no state changed.';
comment on column keepwatch.alert_evaluation.sqlstate is 'SQLSTATE of an error of the query.';
comment on column keepwatch.alert_evaluation.error is 'What went wrong; with outcome ok: an annotation that could not be filled in.';

create table keepwatch.alert_instance (
  group_name text not null,
  rule text not null,
  fingerprint bytea not null,
  active_at timestamptz,
  fired_at timestamptz,
  breached_at timestamptz,
  held_ms bigint not null default 0,
  incident_id uuid,
  last_slot timestamptz not null,
  updated_at timestamptz not null default now(),
  value double precision,
  state text not null check (state in ('ok', 'pending', 'firing')),
  labels jsonb not null,
  row jsonb not null,
  annotations jsonb not null default '{}',
  primary key (group_name, rule, fingerprint),
  check ((state = 'ok') = (active_at is null) and (state = 'ok') = (incident_id is null)),
  check ((state = 'firing') = (fired_at is not null))
) with (fillfactor = 50);
comment on table keepwatch.alert_instance is 'The state of every series of every rule. Series that are ok and were not seen for a day are removed.';
comment on column keepwatch.alert_instance.group_name is 'Group of the rule.';
comment on column keepwatch.alert_instance.rule is 'Name of the rule (alertname).';
comment on column keepwatch.alert_instance.fingerprint is 'SHA-256 of group, rule and the labels that the query gave.';
comment on column keepwatch.alert_instance.active_at is 'The slot in which the incident began; null when ok.';
comment on column keepwatch.alert_instance.fired_at is 'The slot in which it began to fire; null unless firing.';
comment on column keepwatch.alert_instance.breached_at is 'The newest slot seen, if the condition held in it: from here the clock of "for" runs on. Null when the clock is paused.';
comment on column keepwatch.alert_instance.held_ms is 'How long the condition has held while pending, pauses left out, in milliseconds.';
comment on column keepwatch.alert_instance.incident_id is 'The incident from its first breach to its end; null when ok.';
comment on column keepwatch.alert_instance.last_slot is 'The newest slot in which the series had a row.';
comment on column keepwatch.alert_instance.updated_at is 'When the row was last written, by the clock of Postgres.';
comment on column keepwatch.alert_instance.value is 'The column "value" of the row, else its first number.';
comment on column keepwatch.alert_instance.state is 'ok, pending or firing.';
comment on column keepwatch.alert_instance.labels is 'Labels of the alert: those of the query and of the rule, and alertname.';
comment on column keepwatch.alert_instance.row is 'The newest row of the series as the query returned it.';
comment on column keepwatch.alert_instance.annotations is 'Annotations filled in from the newest row.';

create table keepwatch.alert_transition (
  id bigint generated always as identity primary key,
  slot timestamptz not null,
  created_at timestamptz not null default now(),
  incident_id uuid not null,
  value double precision,
  group_name text not null,
  rule text not null,
  fingerprint bytea not null,
  from_state text not null,
  to_state text not null,
  reason text not null,
  suppressed text,
  labels jsonb not null,
  row jsonb not null
);
create index alert_transition_incident_id_idx on keepwatch.alert_transition (incident_id);
create index alert_transition_slot_idx on keepwatch.alert_transition (slot);
comment on table keepwatch.alert_transition is 'Every change of state of a series. Kept for 400 days.';
comment on column keepwatch.alert_transition.id is 'In the order in which they were committed within a group.';
comment on column keepwatch.alert_transition.slot is 'The slot whose evaluation changed the state.';
comment on column keepwatch.alert_transition.created_at is 'When it was committed, by the clock of Postgres.';
comment on column keepwatch.alert_transition.incident_id is 'The incident that began, went on or ended.';
comment on column keepwatch.alert_transition.value is 'The value of the series in the slot.';
comment on column keepwatch.alert_transition.group_name is 'Group of the rule.';
comment on column keepwatch.alert_transition.rule is 'Name of the rule (alertname).';
comment on column keepwatch.alert_transition.fingerprint is 'The series: alert_instance.fingerprint.';
comment on column keepwatch.alert_transition.from_state is 'ok, pending or firing.';
comment on column keepwatch.alert_transition.to_state is 'ok, pending or firing. From firing to ok is "resolved".';
comment on column keepwatch.alert_transition.reason is 'breach (the condition became true), for_elapsed (it held for long enough) or clear.';
comment on column keepwatch.alert_transition.suppressed is 'Why nobody was told of firing or resolved: no_receiver. Null when messages went to the outbox, or none are due.';
comment on column keepwatch.alert_transition.labels is 'Labels of the alert.';
comment on column keepwatch.alert_transition.row is 'The row of the series in the slot.';

create table keepwatch.notification_outbox (
  id uuid primary key default gen_random_uuid(),
  incident_id uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  next_attempt_at timestamptz not null default now(),
  lease_until timestamptz,
  sent_at timestamptz,
  attempts integer not null default 0,
  status text not null default 'pending' check (status in ('pending', 'sent', 'dead')),
  reason text not null check (reason in ('firing', 'resolved')),
  dedupe_key text not null,
  receiver text not null,
  group_name text not null,
  rule text not null,
  fingerprint bytea not null,
  payload jsonb not null,
  last_error text,
  constraint notification_outbox_dedupe_key_key unique (dedupe_key)
) with (fillfactor = 50);
create index notification_outbox_pending_idx on keepwatch.notification_outbox (receiver, next_attempt_at) where status = 'pending';
create index notification_outbox_incident_id_idx on keepwatch.notification_outbox (incident_id);
comment on table keepwatch.notification_outbox is 'Messages that are owed, inserted with the transition that owes them. Kept for 30 days after they were sent or given up.';
comment on column keepwatch.notification_outbox.id is 'Sent as the header webhook-id: a receiver that has seen it may drop the message.';
comment on column keepwatch.notification_outbox.incident_id is 'The incident that the message is about.';
comment on column keepwatch.notification_outbox.created_at is 'When the transition was committed, by the clock of Postgres.';
comment on column keepwatch.notification_outbox.expires_at is 'When a message that could not be delivered is given up.';
comment on column keepwatch.notification_outbox.next_attempt_at is 'No attempt before this moment.';
comment on column keepwatch.notification_outbox.lease_until is 'A worker is sending it, and nobody else may before this moment.';
comment on column keepwatch.notification_outbox.sent_at is 'When the receiver took it.';
comment on column keepwatch.notification_outbox.attempts is 'How often it was claimed; the number fences workers whose lease is over.';
comment on column keepwatch.notification_outbox.status is 'pending, sent or dead (given up).';
comment on column keepwatch.notification_outbox.reason is 'firing or resolved.';
comment on column keepwatch.notification_outbox.dedupe_key is 'incident, receiver and reason: each of these is told once.';
comment on column keepwatch.notification_outbox.receiver is 'Name of the receiver in the configuration.';
comment on column keepwatch.notification_outbox.group_name is 'Group of the rule.';
comment on column keepwatch.notification_outbox.rule is 'Name of the rule (alertname).';
comment on column keepwatch.notification_outbox.fingerprint is 'The series: alert_instance.fingerprint.';
comment on column keepwatch.notification_outbox.payload is 'The alert as it was in that slot: labels, annotations, startsAt, endsAt, value, row.';
comment on column keepwatch.notification_outbox.last_error is 'What went wrong in the last attempt.';
