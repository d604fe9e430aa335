-- Log lines beside events: their table, by day, filled through the spool in a lane of its own (logs); their dead letters and the way back.

-- Numbers of levels are those of pino. What lies between two names belongs to the lower one.
create function keepwatch.log_level(name text) returns smallint
language sql immutable strict parallel safe as $$
  select case lower(name) when 'trace' then 10 when 'debug' then 20 when 'info' then 30 when 'warn' then 40 when 'error' then 50
    when 'fatal' then 60 end::smallint
$$;
comment on function keepwatch.log_level is 'The number of a level: where level >= keepwatch.log_level(''warn''). Null for a name that is none.';
create function keepwatch.log_level_name(level smallint) returns text
language sql immutable strict parallel safe as $$
  select case when level < 20 then 'trace' when level < 30 then 'debug' when level < 40 then 'info' when level < 50 then 'warn'
    when level < 60 then 'error' else 'fatal' end
$$;
comment on function keepwatch.log_level_name is 'trace, debug, info, warn, error or fatal: the level that a number has reached.';

create table keepwatch.observability_logs (
  id uuid not null,
  time timestamptz not null,
  created_at timestamptz not null default now(),
  source_id bigint not null,
  trace_id uuid,
  level smallint not null,
  service text not null,
  logger text,
  message text not null,
  span_id bytea,
  attributes jsonb not null default '{}'
) partition by range (time);
comment on table keepwatch.observability_logs is 'Every archived log line, a row each, partitioned by the UTC day of time.';
comment on column keepwatch.observability_logs.id is 'UUID v7 made from time, source and sequence number: the same after a replay.';
comment on column keepwatch.observability_logs.time is 'When the line was logged, as the line says; by the clock of its process where it says nothing.';
comment on column keepwatch.observability_logs.created_at is 'When the row was archived, by the clock of Postgres.';
comment on column keepwatch.observability_logs.source_id is 'Which writing process logged it: keepwatch.sources.';
comment on column keepwatch.observability_logs.trace_id is 'W3C trace id as a uuid, of the execution that logged it; null outside of any.';
comment on column keepwatch.observability_logs.level is 'Number of the level: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal, or one between (keepwatch.log_level).';
comment on column keepwatch.observability_logs.service is 'The service that logged it (KEEPWATCH_SERVICE).';
comment on column keepwatch.observability_logs.logger is 'Name of the logger; null without one.';
comment on column keepwatch.observability_logs.message is 'What was logged, bounded; empty where the line has fields alone.';
comment on column keepwatch.observability_logs.span_id is 'W3C span id, 8 bytes; the view keepwatch.logs shows it in hex.';
comment on column keepwatch.observability_logs.attributes is 'All other fields of the line, bounded; "keepwatch.truncated" marks what did not fit.';

create view keepwatch.logs as
select id, time, keepwatch.log_level_name(level) as level, message, logger, service, encode(uuid_send(trace_id), 'hex') as trace_id,
  encode(span_id, 'hex') as span_id, attributes, level as level_number, source_id, created_at
from keepwatch.observability_logs;
comment on view keepwatch.logs is 'observability_logs with names of levels and W3C hexadecimal ids.';
comment on column keepwatch.logs.level is 'trace, debug, info, warn, error or fatal.';
comment on column keepwatch.logs.level_number is 'Number of the level, as in observability_logs.';
comment on column keepwatch.logs.trace_id is 'W3C trace id, 32 hexadecimal digits; null outside of any execution.';
comment on column keepwatch.logs.span_id is 'W3C span id, 16 hexadecimal digits.';
do $$
declare
  shared record;
begin
  for shared in
    select view_column.attname as name, col_description(table_column.attrelid, table_column.attnum) as meaning
    from pg_attribute as view_column
    join pg_attribute as table_column
      on table_column.attname = view_column.attname and table_column.attrelid = 'keepwatch.observability_logs'::regclass
    where view_column.attrelid = 'keepwatch.logs'::regclass and col_description(view_column.attrelid, view_column.attnum) is null
  loop
    execute format('comment on column keepwatch.logs.%I is %L', shared.name, shared.meaning);
  end loop;
end
$$;

create table keepwatch.observability_logs_quarantine (
  like keepwatch.observability_logs including defaults including comments,
  reason text not null default 'outside_ingest_window'
);
comment on table keepwatch.observability_logs_quarantine is 'Log lines whose time is outside the ingest window (7 days back, 1 hour ahead).';
comment on column keepwatch.observability_logs_quarantine.reason is 'Why the line is not in observability_logs.';

comment on column keepwatch.ledger.lane is 'keep (failures, slow events), rest (all other events) or logs (log lines); later versions may have more.';
comment on column keepwatch.series_ledger.lane is 'keep (failures, slow events), rest (all other events) or logs (log lines: type log, a name for each level).';
comment on column keepwatch.expired_events.events is 'How many, log lines among them.';
comment on table keepwatch.retired_partitions is 'Partitions of observability_metrics, observability_logs, rollup_minutes and rollup_hours that retention has removed, or is about to remove.';

-- As keepwatch.ensure_partitions, for log lines: days are made as lines of them come, so that a database without any has none.
create function keepwatch.ensure_log_partitions(from_time timestamptz, to_time timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  day date := (from_time at time zone 'UTC')::date;
  last_day date := (to_time at time zone 'UTC')::date;
  leaf text;
  made integer := 0;
begin
  if last_day - day > 400 then
    raise exception 'ensure_log_partitions: % to % is more than 400 days', from_time, to_time using errcode = '22023';
  end if;
  while day <= last_day loop
    leaf := 'observability_logs_p' || to_char(day, 'YYYYMMDD');
    if to_regclass('keepwatch.' || leaf) is null then
      perform pg_advisory_xact_lock(hashtextextended('keepwatch.log_partitions', 0));
      if to_regclass('keepwatch.' || leaf) is null then
        execute format('create table keepwatch.%I (like keepwatch.observability_logs including defaults including comments)', leaf);
        execute format('alter table keepwatch.%I add constraint %I check (time >= %L and time < %L)', leaf, leaf || '_time_check',
          day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        execute format('create index %I on keepwatch.%I using brin (time) with (pages_per_range = 32, autosummarize = on)', leaf || '_time_idx', leaf);
        execute format('create index %I on keepwatch.%I (time) where level >= 50', leaf || '_error_idx', leaf);
        execute format('create index %I on keepwatch.%I using brin (trace_id uuid_bloom_ops) with (pages_per_range = 32, autosummarize = on)', leaf || '_trace_id_idx', leaf);
        execute format('alter table keepwatch.observability_logs attach partition keepwatch.%I for values from (%L) to (%L)', leaf,
          day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        made := made + 1;
      end if;
    end if;
    day := day + 1;
  end loop;
  return made;
end
$$;
comment on function keepwatch.ensure_log_partitions is 'Makes the missing daily partitions of observability_logs that cover a range of time; returns how many.';

-- Dead letters: those of log lines have columns of their own.
create or replace view keepwatch.dead_letters as
select letter.source_id, letter.lane, letter.segment, letter.batch, letter.row_number, letter.created_at as refused_at,
  letter.sqlstate, letter.error as reason,
  encode(field[1], 'hex')::uuid as id,
  timestamptz '2000-01-01 00:00:00+00' + ('x' || encode(field[2], 'hex'))::bit(64)::bigint * interval '1 microsecond' as start_time,
  timestamptz '2000-01-01 00:00:00+00' + ('x' || encode(field[3], 'hex'))::bit(64)::bigint * interval '1 microsecond' as end_time,
  encode(field[8], 'escape') as name, encode(field[9], 'escape') as type, encode(field[10], 'escape') as status,
  encode(field[11], 'escape') as service, encode(field[14], 'escape') as error,
  encode(substring(field[15] from 2), 'escape') as metadata
from keepwatch.observability_dead_letter as letter
cross join lateral (select keepwatch.tuple_fields(letter.payload) as field) as decoded
where letter.lane <> 'logs';
comment on view keepwatch.dead_letters is 'Dead letters of events, decoded: why each was refused, and the event that it is. Bytes beyond ASCII are shown as \nnn.';

create view keepwatch.log_dead_letters as
select letter.source_id, letter.segment, letter.batch, letter.row_number, letter.created_at as refused_at,
  letter.sqlstate, letter.error as reason,
  encode(field[1], 'hex')::uuid as id,
  timestamptz '2000-01-01 00:00:00+00' + ('x' || encode(field[2], 'hex'))::bit(64)::bigint * interval '1 microsecond' as time,
  ('x' || encode(field[5], 'hex'))::bit(16)::integer as level, encode(field[6], 'escape') as service,
  encode(field[7], 'escape') as logger, encode(field[8], 'escape') as message,
  encode(substring(field[10] from 2), 'escape') as attributes
from keepwatch.observability_dead_letter as letter
cross join lateral (select keepwatch.tuple_fields(letter.payload) as field) as decoded
where letter.lane = 'logs';
comment on view keepwatch.log_dead_letters is 'Dead letters of log lines, decoded: why each was refused, and the line that it is. Bytes beyond ASCII are shown as \nnn.';
comment on column keepwatch.log_dead_letters.source_id is 'The source that logged the line.';
comment on column keepwatch.log_dead_letters.segment is 'The segment that it stood in.';
comment on column keepwatch.log_dead_letters.batch is 'The block of the segment, counted from 1.';
comment on column keepwatch.log_dead_letters.row_number is 'The row of the block, counted from 1.';
comment on column keepwatch.log_dead_letters.refused_at is 'When it was refused.';
comment on column keepwatch.log_dead_letters.sqlstate is 'SQLSTATE of the refusal.';
comment on column keepwatch.log_dead_letters.reason is 'Message of the refusal.';
comment on column keepwatch.log_dead_letters.id is 'Id of the line.';
comment on column keepwatch.log_dead_letters.time is 'When it was logged.';
comment on column keepwatch.log_dead_letters.level is 'Number of its level.';
comment on column keepwatch.log_dead_letters.service is 'The service that logged it.';
comment on column keepwatch.log_dead_letters.logger is 'Name of the logger.';
comment on column keepwatch.log_dead_letters.message is 'What was logged.';
comment on column keepwatch.log_dead_letters.attributes is 'Its other fields, as text: they may be what was refused.';

create function keepwatch.replay_log(line_source bigint, payload bytea) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  field bytea[] := keepwatch.tuple_fields(payload);
  logged timestamptz := timestamptz '2000-01-01 00:00:00+00' + ('x' || encode(field[2], 'hex'))::bit(64)::bigint * interval '1 microsecond';
begin
  perform keepwatch.ensure_log_partitions(logged, logged);
  insert into keepwatch.observability_logs (id, time, source_id, trace_id, level, service, logger, message, span_id, attributes)
  values (encode(field[1], 'hex')::uuid, logged, line_source, encode(field[4], 'hex')::uuid,
    ('x' || encode(field[5], 'hex'))::bit(16)::integer, convert_from(field[6], 'UTF8'), convert_from(field[7], 'UTF8'),
    convert_from(field[8], 'UTF8'), field[9], convert_from(substring(field[10] from 2), 'UTF8')::jsonb);
end
$$;
comment on function keepwatch.replay_log is 'Archives the log line that a dead letter is: a part of keepwatch.replay_dead_letters.';
revoke execute on function keepwatch.replay_log from public;

-- As before, with letters of log lines, which have no rollups.
create or replace function keepwatch.replay_dead_letters(max_rows integer default 10000) returns table (replayed integer, refused integer)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  letter record;
  event record;
  series bigint;
  us bigint;
begin
  replayed := 0;
  refused := 0;
  for letter in
    select source_id, lane, segment, batch, row_number, payload from keepwatch.observability_dead_letter
    order by created_at limit max_rows for update skip locked
  loop
    begin
      if letter.lane = 'logs' then
        perform keepwatch.replay_log(letter.source_id, letter.payload);
      else
        select * into event from keepwatch.event_of_tuple(letter.payload);
        perform keepwatch.ensure_partitions(event.end_time, event.end_time);
        insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, trace_id, weight, name, type, status,
          service, span_id, parent_span_id, error, metadata)
        values (event.id, event.start_time, event.end_time, event.duration_ms, letter.source_id, event.trace_id, event.weight, event.name,
          event.type, event.status, event.service, event.span_id, event.parent_span_id, event.error, event.metadata);
        series := keepwatch.series_id(event.service, event.type, event.name);
        us := keepwatch.duration_us(event.duration_ms);
        insert into keepwatch.observability_series (series_id, service, type, name) values (series, event.service, event.type, event.name)
        on conflict do nothing;
        insert into keepwatch.rollup_deltas (bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc)
        values (date_trunc('minute', event.end_time, 'UTC'), series, event.status, 1, event.weight,
          least(us::numeric * event.weight, 9223372036854775807), us, us, array[keepwatch.bucket_of(us)], array[event.weight]);
      end if;
      delete from keepwatch.observability_dead_letter as gone
      where (gone.source_id, gone.lane, gone.segment, gone.batch, gone.row_number)
        = (letter.source_id, letter.lane, letter.segment, letter.batch, letter.row_number);
      update keepwatch.ledger as moved
      set archived = moved.archived + 1, dead_lettered = moved.dead_lettered - 1,
        rolled_up = moved.rolled_up + case when letter.lane = 'logs' then 0 else 1 end
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

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_owner') then
    grant all on keepwatch.observability_logs, keepwatch.observability_logs_quarantine, keepwatch.logs, keepwatch.log_dead_letters to keepwatch_owner;
    grant execute on function keepwatch.ensure_log_partitions, keepwatch.replay_log to keepwatch_owner;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_writer') then
    revoke execute on function keepwatch.ensure_log_partitions from public;
    grant select, insert, update on keepwatch.observability_logs, keepwatch.observability_logs_quarantine to keepwatch_writer;
    grant select on keepwatch.logs to keepwatch_writer;
    grant execute on function keepwatch.ensure_log_partitions to keepwatch_writer;
  end if;
  if exists (select from pg_roles where rolname = 'keepwatch_reader') then
    grant select on keepwatch.observability_logs, keepwatch.observability_logs_quarantine, keepwatch.logs, keepwatch.log_dead_letters to keepwatch_reader;
  end if;
end
$$;
