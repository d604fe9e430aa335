-- The accounting law by series: what each source has counted of a series in a lane, which lane a row came in, and what retention removed.

create table keepwatch.series_ledger (
  source_id bigint not null,
  lane text not null check (lane in ('keep', 'rest')),
  type text not null,
  name text not null,
  recorded bigint not null,
  dropped bigint not null,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (source_id, lane, type, name)
) with (fillfactor = 50);
comment on table keepwatch.series_ledger is 'What each source has counted of each series, as of the last time that it told: every 10 s, and at its end.';
comment on column keepwatch.series_ledger.source_id is 'The source: keepwatch.sources.';
comment on column keepwatch.series_ledger.lane is 'keep (failures, slow events) or rest.';
comment on column keepwatch.series_ledger.type is 'Type of the events.';
comment on column keepwatch.series_ledger.name is 'Their name, its first 500 characters.';
comment on column keepwatch.series_ledger.recorded is 'Events of the series that the source recorded in the lane.';
comment on column keepwatch.series_ledger.dropped is 'Those of them that were dropped before they came into a block. What was lost later is known of the lane alone.';
comment on column keepwatch.series_ledger.updated_at is 'When its counts last grew.';

create table keepwatch.expired_series (
  source_id bigint not null,
  lane text not null,
  type text not null,
  name text not null,
  events bigint not null,
  primary key (source_id, lane, type, name)
);
comment on table keepwatch.expired_series is 'Archived events that retention has removed, by series: expired_events in parts, from version 5 of the schema on.';
comment on column keepwatch.expired_series.source_id is 'The source that recorded them.';
comment on column keepwatch.expired_series.lane is 'The lane that they came in.';
comment on column keepwatch.expired_series.type is 'Their type.';
comment on column keepwatch.expired_series.name is 'Their name, its first 500 characters.';
comment on column keepwatch.expired_series.events is 'How many.';

-- The encoder numbers the events of a source by lane in turn: the lowest bit of the number in the id says which.
create function keepwatch.lane_of(id uuid) returns text
language sql immutable strict parallel safe as
$$ select case when get_byte(uuid_send(id), 10) & 4 = 0 then 'keep' else 'rest' end $$;
comment on function keepwatch.lane_of is 'The lane that an archived event came in, read from its id.';

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant all on keepwatch.series_ledger, keepwatch.expired_series to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_writer') then
    grant select, insert, update on keepwatch.series_ledger to keepwatch_writer;
    grant select on keepwatch.expired_series to keepwatch_writer;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.series_ledger, keepwatch.expired_series to keepwatch_reader;
  end if;
end
$$;
