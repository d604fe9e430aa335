-- Retention of what is not in the archive: dead letters and quarantined rows go when they are as old as raw events may be, and are counted here,
-- so that what the ledger says of them goes on adding up.

create table keepwatch.expired_refusals (
  source_id bigint not null,
  lane text not null,
  kind text not null check (kind in ('dead_letter', 'quarantine')),
  type text not null,
  name text not null,
  events bigint not null,
  primary key (source_id, lane, kind, type, name)
);
comment on table keepwatch.expired_refusals is 'Rows of observability_dead_letter, observability_quarantine and observability_logs_quarantine that retention has removed, by series.';
comment on column keepwatch.expired_refusals.source_id is 'The source that recorded them.';
comment on column keepwatch.expired_refusals.lane is 'The lane that they came in.';
comment on column keepwatch.expired_refusals.kind is 'dead_letter or quarantine.';
comment on column keepwatch.expired_refusals.type is 'Their type; empty where it could not be read.';
comment on column keepwatch.expired_refusals.name is 'Their name, its first 500 characters; empty where it could not be read.';
comment on column keepwatch.expired_refusals.events is 'How many.';

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant all on keepwatch.expired_refusals to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_writer') then
    grant select on keepwatch.expired_refusals to keepwatch_writer;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.expired_refusals to keepwatch_reader;
  end if;
end
$$;
