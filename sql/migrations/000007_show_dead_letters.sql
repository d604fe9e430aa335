-- Dead letters for people: what is in them, and a way back into the archive once the reason of the refusal is gone.

-- A tuple of binary COPY: a count of fields (2 bytes), then each field's length (4 bytes, -1: null) and bytes.
create function keepwatch.tuple_fields(payload bytea) returns bytea[]
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  fields bytea[] := '{}';
  at integer := 3;
  size integer;
begin
  for field in 1 .. ('x' || encode(substring(payload from 1 for 2), 'hex'))::bit(16)::integer loop
    size := ('x' || encode(substring(payload from at for 4), 'hex'))::bit(32)::integer;
    fields := fields || case when size < 0 then null else substring(payload from at + 4 for size) end;
    at := at + 4 + greatest(size, 0);
  end loop;
  return fields;
end
$$;
comment on function keepwatch.tuple_fields is 'The fields of a row that is kept as binary COPY has it (keepwatch.observability_dead_letter.payload).';

create view keepwatch.dead_letters as
select letter.source_id, letter.lane, letter.segment, letter.batch, letter.row_number, letter.created_at as refused_at,
  letter.sqlstate, letter.error as reason,
  encode(field[1], 'hex')::uuid as id,
  timestamptz '2000-01-01 00:00:00+00' + ('x' || encode(field[2], 'hex'))::bit(64)::bigint * interval '1 microsecond' as start_time,
  timestamptz '2000-01-01 00:00:00+00' + ('x' || encode(field[3], 'hex'))::bit(64)::bigint * interval '1 microsecond' as end_time,
  encode(field[8], 'escape') as name, encode(field[9], 'escape') as type, encode(field[10], 'escape') as status,
  encode(field[11], 'escape') as service, encode(field[14], 'escape') as error,
  encode(substring(field[15] from 2), 'escape') as metadata
from keepwatch.observability_dead_letter as letter
cross join lateral (select keepwatch.tuple_fields(letter.payload) as field) as decoded;
comment on view keepwatch.dead_letters is 'Dead letters, decoded: why each was refused, and the event that it is. Bytes beyond ASCII are shown as \nnn.';
comment on column keepwatch.dead_letters.source_id is 'The source that recorded the event.';
comment on column keepwatch.dead_letters.lane is 'The lane that it came in.';
comment on column keepwatch.dead_letters.segment is 'The segment that it stood in.';
comment on column keepwatch.dead_letters.batch is 'The block of the segment, counted from 1.';
comment on column keepwatch.dead_letters.row_number is 'The row of the block, counted from 1.';
comment on column keepwatch.dead_letters.refused_at is 'When it was refused.';
comment on column keepwatch.dead_letters.sqlstate is 'SQLSTATE of the refusal.';
comment on column keepwatch.dead_letters.reason is 'Message of the refusal.';
comment on column keepwatch.dead_letters.id is 'Id of the event.';
comment on column keepwatch.dead_letters.start_time is 'When the execution began.';
comment on column keepwatch.dead_letters.end_time is 'When it ended.';
comment on column keepwatch.dead_letters.name is 'What ran.';
comment on column keepwatch.dead_letters.type is 'Type of the event.';
comment on column keepwatch.dead_letters.status is 'success, failure or aborted.';
comment on column keepwatch.dead_letters.service is 'The service that recorded it.';
comment on column keepwatch.dead_letters.error is 'Error of the execution, if it failed.';
comment on column keepwatch.dead_letters.metadata is 'Its metadata, as text: it may be what was refused.';

-- One letter at a time: what is refused again stays, with its reason. The ledger moves with the rows, so that verify goes on adding up.
create function keepwatch.replay_dead_letters(max_rows integer default 10000) returns table (replayed integer, refused integer)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  letter record;
  field bytea[];
  ended timestamptz;
begin
  replayed := 0;
  refused := 0;
  for letter in
    select source_id, lane, segment, batch, row_number, payload from keepwatch.observability_dead_letter
    order by created_at limit max_rows for update skip locked
  loop
    begin
      field := keepwatch.tuple_fields(letter.payload);
      ended := timestamptz '2000-01-01 00:00:00+00' + ('x' || encode(field[3], 'hex'))::bit(64)::bigint * interval '1 microsecond';
      perform keepwatch.ensure_partitions(ended, ended);
      insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, trace_id, weight, name, type, status,
        service, span_id, parent_span_id, error, metadata)
      select encode(field[1], 'hex')::uuid, began, ended, extract(epoch from ended - began)::float8 * 1000, letter.source_id,
        encode(field[6], 'hex')::uuid, ('x' || encode(field[7], 'hex'))::bit(32)::integer, convert_from(field[8], 'UTF8'),
        convert_from(field[9], 'UTF8'), convert_from(field[10], 'UTF8'), convert_from(field[11], 'UTF8'), field[12], field[13],
        convert_from(field[14], 'UTF8'), convert_from(substring(field[15] from 2), 'UTF8')::jsonb
      from (
        select timestamptz '2000-01-01 00:00:00+00' + ('x' || encode(field[2], 'hex'))::bit(64)::bigint * interval '1 microsecond' as began
      ) as start;
      delete from keepwatch.observability_dead_letter as gone
      where (gone.source_id, gone.lane, gone.segment, gone.batch, gone.row_number)
        = (letter.source_id, letter.lane, letter.segment, letter.batch, letter.row_number);
      update keepwatch.ledger as moved
      set archived = moved.archived + 1, dead_lettered = moved.dead_lettered - 1
      where moved.source_id = letter.source_id and moved.lane = letter.lane;
      replayed := replayed + 1;
    exception
      when data_exception or integrity_constraint_violation or program_limit_exceeded or raise_exception then
        refused := refused + 1;
    end;
  end loop;
  return next;
end
$$;
comment on function keepwatch.replay_dead_letters is 'Archives dead letters whose reason is gone, the oldest first; those that are refused again stay. Returns how many of each.';
revoke execute on function keepwatch.replay_dead_letters from public;
do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant execute on function keepwatch.replay_dead_letters to keepwatch_owner;
    grant select on keepwatch.dead_letters to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.dead_letters to keepwatch_reader;
  end if;
end
$$;
