-- Alerts, the whole state machine: recovering and nodata, M of N, severity steps, the identity of a rule, and what an evaluation knew.
-- An evaluator of an older version would read these states as others. It can commit no slot any more, since it gives no rule_uid; what else its
-- process does goes on.

alter table keepwatch.alert_instance add column rule_uid text;
update keepwatch.alert_instance set rule_uid = group_name || '/' || rule;
alter table keepwatch.alert_instance
  alter column rule_uid set not null,
  drop constraint alert_instance_pkey,
  add primary key (rule_uid, fingerprint),
  drop constraint alert_instance_state_check,
  drop constraint alert_instance_check,
  drop constraint alert_instance_check1;
alter table keepwatch.alert_instance rename column breached_at to ran_at;
alter table keepwatch.alert_instance
  add column history bigint not null default 0 check (history between 0 and 4294967295),
  add column missed integer not null default 0 check (missed >= 0),
  add column step smallint not null default -1 check (step >= -1),
  add column told_step smallint not null default -1 check (told_step >= -1),
  add column suppressed text,
  add constraint alert_instance_state_check check (state in ('ok', 'pending', 'firing', 'recovering', 'nodata')),
  add constraint alert_instance_incident_check check ((state = 'ok') = (incident_id is null)),
  add constraint alert_instance_active_at_check check ((state = 'ok') = (active_at is null)),
  add constraint alert_instance_fired_at_check
    check (case when state in ('firing', 'recovering') then fired_at is not null when state in ('ok', 'pending') then fired_at is null else true end);
create index alert_instance_group_name_idx on keepwatch.alert_instance (group_name) where state <> 'ok';
comment on column keepwatch.alert_instance.rule_uid is 'Names the rule for as long as it lives, whatever it is called: its uid, else group/alert.';
comment on column keepwatch.alert_instance.group_name is 'Group of the rule.';
comment on column keepwatch.alert_instance.fingerprint is 'SHA-256 of group and rule (or the uid that a rule gives itself) and the labels that the query gave.';
comment on column keepwatch.alert_instance.state is 'ok, pending, firing, recovering (it cleared, and keep_firing_for is not over) or nodata.';
comment on column keepwatch.alert_instance.active_at is 'The slot in which the incident began; null when ok.';
comment on column keepwatch.alert_instance.fired_at is 'The slot in which the incident began to fire; null when it has not.';
comment on column keepwatch.alert_instance.ran_at is 'The newest slot from which the clock runs on: of "for" while pending, of keep_firing_for while recovering. Null while it stands still.';
comment on column keepwatch.alert_instance.held_ms is 'What that clock shows, pauses left out, in milliseconds.';
comment on column keepwatch.alert_instance.history is 'The last 32 slots of a rule with M of N: 1 for a breach, the newest slot in the lowest bit.';
comment on column keepwatch.alert_instance.missed is 'Slots in a row without a row of the series.';
comment on column keepwatch.alert_instance.step is 'Severity step that holds now, from 0; -1 without.';
comment on column keepwatch.alert_instance.told_step is 'Highest severity step that was told in this incident; -1 without.';
comment on column keepwatch.alert_instance.suppressed is 'Why nobody was told that this incident fires (limit), so that nobody is told of its end either. Null otherwise.';
comment on column keepwatch.alert_instance.last_slot is 'A slot in which the series had a row: the newest unless it is ok; an ok series that stays ok is written once an hour.';
comment on column keepwatch.alert_instance.value is 'The column "value" of the row, else its first number; as of last_slot.';
comment on column keepwatch.alert_instance.row is 'The row of the series as the query returned it in last_slot.';
comment on column keepwatch.alert_instance.annotations is 'Annotations filled in from the row; empty when ok.';

alter table keepwatch.alert_transition
  add column rule_uid text,
  add column step smallint not null default -1;
update keepwatch.alert_transition set rule_uid = group_name || '/' || rule;
alter table keepwatch.alert_transition alter column rule_uid set not null;
comment on column keepwatch.alert_transition.rule_uid is 'The rule: alert_instance.rule_uid.';
comment on column keepwatch.alert_transition.step is 'Severity step that holds after the change, from 0; -1 without.';
comment on column keepwatch.alert_transition.from_state is 'ok, pending, firing, recovering or nodata.';
comment on column keepwatch.alert_transition.to_state is 'The same. From one that had fired to ok is "resolved"; from firing to firing is another severity step.';
comment on column keepwatch.alert_transition.reason is 'Why: breach, for_elapsed, clear, keep_firing_elapsed, missing, nodata, step, rule_deleted …';
comment on column keepwatch.alert_transition.suppressed is 'Why nobody was told although a message was due: no_receiver, or limit (more than max_messages in a slot). Null when messages went to the outbox, or none are due.';

alter table keepwatch.alert_evaluation
  add column rule_uid text,
  add column watermark timestamptz,
  add column lease_epoch bigint,
  add column messages_dropped integer not null default 0,
  add column query_hash bytea;
update keepwatch.alert_evaluation set rule_uid = group_name || '/' || rule;
alter table keepwatch.alert_evaluation alter column rule_uid set not null;
comment on column keepwatch.alert_evaluation.rule_uid is 'The rule: alert_instance.rule_uid.';
comment on column keepwatch.alert_evaluation.watermark is 'How far all living sources were archived when the slot was found due; null when there was none to wait for.';
comment on column keepwatch.alert_evaluation.lease_epoch is 'Lease of the group under which it was committed: alert_group.epoch.';
comment on column keepwatch.alert_evaluation.messages_dropped is 'Series that began to fire and nobody was told of, as they were more than max_messages.';
comment on column keepwatch.alert_evaluation.query_hash is 'First 8 bytes of the SHA-256 of the query: tells when a rule was changed.';

alter table keepwatch.notification_outbox
  add column rule_uid text,
  drop constraint notification_outbox_reason_check,
  add constraint notification_outbox_reason_check check (reason in ('firing', 'resolved', 'nodata', 'error'));
update keepwatch.notification_outbox set rule_uid = group_name || '/' || rule;
alter table keepwatch.notification_outbox alter column rule_uid set not null;
comment on column keepwatch.notification_outbox.rule_uid is 'The rule: alert_instance.rule_uid.';
comment on column keepwatch.notification_outbox.reason is 'firing, resolved, nodata (the series has no data) or error (the rule has no answer).';
comment on column keepwatch.notification_outbox.dedupe_key is 'incident, reason and receiver, and the slot of what may be told several times in an incident: each of these is told once.';
