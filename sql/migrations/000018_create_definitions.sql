-- What people define besides rule files: budgets, targets beside code, and rules made by the API with a record of who changed them.

create table keepwatch.budgets (
  name text primary key check (name <> '' and length(name) <= 200),
  scope jsonb not null default '{}' check (jsonb_typeof(scope) = 'object'),
  period text not null check (period in ('day', 'week', 'month')),
  timezone text not null default 'UTC',
  limit_usd numeric not null check (limit_usd > 0 and limit_usd <= 1e12),
  enabled boolean not null default true,
  version bigint not null default 1 check (version > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table keepwatch.budgets is 'What may be spent on LLM calls in a period: the API, `keepwatch budgets` and rules of the short form budget know it.';
comment on column keepwatch.budgets.name is 'Names the budget in alerts and in the API.';
comment on column keepwatch.budgets.scope is 'Whose spending counts: events whose metadata holds all of these members, such as {"team": "search"}; {} is everything.';
comment on column keepwatch.budgets.period is 'day, week (from Monday) or month; spending begins at 0 with each.';
comment on column keepwatch.budgets.timezone is 'Where periods begin: a name of the IANA database, such as Europe/Berlin.';
comment on column keepwatch.budgets.limit_usd is 'US dollars that may be spent in one period.';
comment on column keepwatch.budgets.enabled is 'False: no rule looks at it.';
comment on column keepwatch.budgets.version is 'Grows by 1 with each change; whoever changes it says which one they have seen.';
comment on column keepwatch.budgets.created_at is 'When it was made, by the clock of Postgres.';
comment on column keepwatch.budgets.updated_at is 'When it was last changed, by the clock of Postgres.';

create table keepwatch.targets (
  service text not null,
  type text not null,
  name text not null,
  quantile double precision not null check (quantile > 0 and quantile < 1),
  limit_ms double precision not null check (limit_ms > 0 and limit_ms < 'infinity'),
  declared_by text not null,
  declared_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  primary key (service, type, name, quantile)
) with (fillfactor = 70);
comment on table keepwatch.targets is 'How fast executions have to be, as declared beside their code (target: { p95: ''3s'' }). One that no process has declared for 7 days holds no more.';
comment on column keepwatch.targets.service is 'The service that declares it.';
comment on column keepwatch.targets.type is 'Type of the executions.';
comment on column keepwatch.targets.name is 'Name of the executions.';
comment on column keepwatch.targets.quantile is 'Which quantile of their durations: 0.95 for p95.';
comment on column keepwatch.targets.limit_ms is 'What that quantile may be at most, in milliseconds.';
comment on column keepwatch.targets.declared_by is 'The instance that declared this limit first.';
comment on column keepwatch.targets.declared_at is 'When the limit was declared first, by the clock of Postgres.';
comment on column keepwatch.targets.last_seen_at is 'When a process declared it last, at most an hour ago while one runs.';

create table keepwatch.alert_rule (
  uid text primary key check (uid <> '' and length(uid) <= 400),
  group_name text not null,
  every_ms bigint not null check (every_ms >= 1000),
  definition jsonb not null check (jsonb_typeof(definition) = 'object'),
  enabled boolean not null default true,
  version bigint not null default 1 check (version > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table keepwatch.alert_rule is 'Rules made by the API. They are evaluated beside those of files and of targets.';
comment on column keepwatch.alert_rule.uid is 'Names the rule for as long as it lives; default: group/alert.';
comment on column keepwatch.alert_rule.group_name is 'Group of the rule: no group of a rule file.';
comment on column keepwatch.alert_rule.every_ms is 'Distance of the slots in milliseconds, the same for all rules of a group.';
comment on column keepwatch.alert_rule.definition is 'The rule as it would stand in a rule file.';
comment on column keepwatch.alert_rule.enabled is 'False: it is not evaluated, and its alerts end.';
comment on column keepwatch.alert_rule.version is 'Grows by 1 with each change; whoever changes it says which one they have seen.';
comment on column keepwatch.alert_rule.created_at is 'When it was made, by the clock of Postgres.';
comment on column keepwatch.alert_rule.updated_at is 'When it was last changed, by the clock of Postgres.';

create table keepwatch.alert_rule_audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  uid text not null,
  action text not null check (action in ('create', 'update', 'enable', 'disable', 'delete')),
  actor text not null,
  version bigint not null,
  before jsonb,
  after jsonb
);
create index alert_rule_audit_uid_id_idx on keepwatch.alert_rule_audit (uid, id);
comment on table keepwatch.alert_rule_audit is 'Every change of a rule of alert_rule, written in the transaction that made it. Never removed.';
comment on column keepwatch.alert_rule_audit.id is 'In the order in which changes were made.';
comment on column keepwatch.alert_rule_audit.at is 'When, by the clock of Postgres.';
comment on column keepwatch.alert_rule_audit.uid is 'The rule.';
comment on column keepwatch.alert_rule_audit.action is 'create, update, enable, disable or delete.';
comment on column keepwatch.alert_rule_audit.actor is 'Who, as the client says: the header Keepwatch-Actor, or the user of the command line. All hold the same token: nothing proves it.';
comment on column keepwatch.alert_rule_audit.version is 'Version of the rule after the change; of a deleted one, the last that it had.';
comment on column keepwatch.alert_rule_audit.before is 'The rule before: group, every_ms, definition, enabled, version. Null when it was made.';
comment on column keepwatch.alert_rule_audit.after is 'The rule after; null when it was deleted.';

create table keepwatch.alert_definition_revision (
  only_row boolean primary key default true check (only_row),
  revision bigint not null default 0
) with (fillfactor = 10);
insert into keepwatch.alert_definition_revision default values;
comment on table keepwatch.alert_definition_revision is 'One row. Whoever changes alert_rule or targets moves it on first, and so waits for others that do: evaluators see by one number that there is something new.';
comment on column keepwatch.alert_definition_revision.only_row is 'True: there is no second row.';
comment on column keepwatch.alert_definition_revision.revision is 'Grows with each change of alert_rule or targets.';

create index alert_evaluation_rule_uid_slot_idx on keepwatch.alert_evaluation (rule_uid, slot);

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant all on keepwatch.budgets, keepwatch.targets, keepwatch.alert_rule, keepwatch.alert_rule_audit, keepwatch.alert_definition_revision
      to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_writer') then
    grant select, insert, update on keepwatch.targets to keepwatch_writer;
    grant select, update on keepwatch.alert_definition_revision to keepwatch_writer;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.budgets, keepwatch.targets, keepwatch.alert_rule, keepwatch.alert_rule_audit, keepwatch.alert_definition_revision
      to keepwatch_reader;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_rules') then
    grant select on keepwatch.budgets, keepwatch.targets to keepwatch_rules;
  end if;
end
$$;
