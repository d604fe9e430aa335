-- What retention has removed, by source, in a table that it has for itself: a batch locks its row of keepwatch.sources, and a partition that
-- cannot be dropped at once must not hold that up.

create table keepwatch.expired_events (
  source_id bigint primary key,
  events bigint not null
);
comment on table keepwatch.expired_events is 'Archived events that retention has removed, with those in sources.expired.';
comment on column keepwatch.expired_events.source_id is 'The source that recorded them.';
comment on column keepwatch.expired_events.events is 'How many.';
comment on column keepwatch.sources.expired is 'Archived events that retention has removed since, up to version 3 of the schema; later ones: expired_events.';

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant all on keepwatch.expired_events to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_writer') then
    grant select on keepwatch.expired_events to keepwatch_writer;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.expired_events to keepwatch_reader;
  end if;
end
$$;
