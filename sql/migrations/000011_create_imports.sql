-- How far files are imported: `keepwatch import` goes on there, and never imports a line twice.

create table keepwatch.imports (
  source_id bigint not null references keepwatch.sources,
  lane text not null,
  file text not null,
  bytes bigint not null,
  sha256 bytea not null,
  first_end_time timestamptz,
  last_end_time timestamptz,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (source_id, lane)
);
comment on table keepwatch.imports is 'How far files are imported, by lane. A file that begins with bytes whose hash stands here is imported from there on.';
comment on column keepwatch.imports.source_id is 'The source that its events belong to, made from its content: keepwatch.sources.';
comment on column keepwatch.imports.lane is 'The lane that the mark is of: the rows of the other one are committed by themselves.';
comment on column keepwatch.imports.file is 'Name of the file, as it was given.';
comment on column keepwatch.imports.bytes is 'How many bytes of its content, decompressed, are imported or passed over.';
comment on column keepwatch.imports.sha256 is 'SHA-256 of these bytes.';
comment on column keepwatch.imports.first_end_time is 'End of the oldest event that was imported; null without one.';
comment on column keepwatch.imports.last_end_time is 'End of the newest one.';
comment on column keepwatch.imports.updated_at is 'When the mark last moved.';

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant all on keepwatch.imports to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_writer') then
    grant select, insert, update on keepwatch.imports to keepwatch_writer;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.imports to keepwatch_reader;
  end if;
end
$$;
