-- Several replicas evaluate each slot once: who has which group, and which set of rules is the newest.

create table keepwatch.alert_rule_set (
  generation bigint not null,
  registered_at timestamptz not null default now(),
  name text not null,
  hash bytea not null,
  groups text[] not null,
  primary key (name, hash),
  constraint alert_rule_set_generation_key unique (name, generation)
);
comment on table keepwatch.alert_rule_set is 'The rule sets that evaluators came with. Only those that hold the newest generation of a name may lease groups.';
comment on column keepwatch.alert_rule_set.generation is 'Counts the sets of a name: the highest is the current one.';
comment on column keepwatch.alert_rule_set.registered_at is 'When it became a generation, by the clock of Postgres.';
comment on column keepwatch.alert_rule_set.name is 'Whose rules they are: the service of the evaluator.';
comment on column keepwatch.alert_rule_set.hash is 'SHA-256 over all that decides what its rules do.';
comment on column keepwatch.alert_rule_set.groups is 'Names of its groups.';

create table keepwatch.alert_evaluator (
  evaluator_id uuid primary key,
  started_at timestamptz not null default now(),
  lease_until timestamptz not null,
  rule_set text not null,
  hash bytea not null
) with (fillfactor = 50);
comment on table keepwatch.alert_evaluator is 'Processes that evaluate rules, or have. A group belongs to its evaluator for as long as the lease of that is not over.';
comment on column keepwatch.alert_evaluator.evaluator_id is 'Made anew by each process.';
comment on column keepwatch.alert_evaluator.started_at is 'When it first leased a group.';
comment on column keepwatch.alert_evaluator.lease_until is 'Renewed while it lives; after this moment others take its groups. By the clock of Postgres.';
comment on column keepwatch.alert_evaluator.rule_set is 'Name of its rule set.';
comment on column keepwatch.alert_evaluator.hash is 'Hash of its rule set.';

alter table keepwatch.alert_group alter column last_slot drop not null;
alter table keepwatch.alert_group add column epoch bigint not null default 0;
alter table keepwatch.alert_group add column evaluator_id uuid;
comment on table keepwatch.alert_group is 'Who evaluates each rule group, and how far it has come. Moving last_slot forward is what claims a slot.';
comment on column keepwatch.alert_group.last_slot is 'The newest slot that is committed; null before the first.';
comment on column keepwatch.alert_group.epoch is 'Counts the evaluators that took the group: a commit with an older number is refused.';
comment on column keepwatch.alert_group.evaluator_id is 'Who took it last.';

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant all on keepwatch.alert_rule_set, keepwatch.alert_evaluator to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.alert_rule_set, keepwatch.alert_evaluator to keepwatch_reader;
  end if;
end
$$;
