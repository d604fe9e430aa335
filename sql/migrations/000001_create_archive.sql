-- The archive: raw events by day, the ledger of what is committed, and what could not be archived.

comment on schema keepwatch is 'Keepwatch: archived timing events, and what is known of them.';
comment on table keepwatch.migration is 'The migrations that this database has, in order.';
comment on column keepwatch.migration.version is 'Number of the migration, from 1.';
comment on column keepwatch.migration.name is 'Its file in sql/migrations, without the ending.';
comment on column keepwatch.migration.sha256 is 'Of its text: a migration that was applied is never edited.';
comment on column keepwatch.migration.is_breaking is 'A process that does not know it must not go on.';
comment on column keepwatch.migration.applied_at is 'When it was applied.';

create table keepwatch.observability_metrics (
  id uuid not null,
  start_time timestamptz not null,
  end_time timestamptz not null,
  created_at timestamptz not null default now(),
  duration_ms double precision not null,
  source_id bigint not null,
  trace_id uuid,
  weight integer not null default 1,
  name text not null,
  type text not null,
  status text not null,
  service text not null,
  span_id bytea,
  parent_span_id bytea,
  error text,
  metadata jsonb not null default '{}'
) partition by range (end_time);

comment on table keepwatch.observability_metrics is 'Every archived timing event, a row each, partitioned by the UTC day of end_time.';
comment on column keepwatch.observability_metrics.id is 'UUID v7 made from end time, source and sequence number: the same after a replay.';
comment on column keepwatch.observability_metrics.start_time is 'When the execution began: end_time minus duration_ms.';
comment on column keepwatch.observability_metrics.end_time is 'When the execution ended, by the clock of its process: the moment that the event belongs to.';
comment on column keepwatch.observability_metrics.created_at is 'When the row was archived, by the clock of Postgres.';
comment on column keepwatch.observability_metrics.duration_ms is 'How long the execution took, in milliseconds, by the monotonic clock.';
comment on column keepwatch.observability_metrics.source_id is 'Which writing process recorded it: keepwatch.sources.';
comment on column keepwatch.observability_metrics.trace_id is 'W3C trace id as a uuid; null when tracing was off.';
comment on column keepwatch.observability_metrics.weight is 'How many executions the row stands for; 1 unless sampled.';
comment on column keepwatch.observability_metrics.name is 'What ran: method and route template, agent, tool, model or query name.';
comment on column keepwatch.observability_metrics.type is 'api, agent, tool, llm, workflow, workflow_step, connector, db, cache, session, command or custom.';
comment on column keepwatch.observability_metrics.status is 'success, failure or aborted.';
comment on column keepwatch.observability_metrics.service is 'The service that recorded it (KEEPWATCH_SERVICE).';
comment on column keepwatch.observability_metrics.span_id is 'W3C span id, 8 bytes; the view keepwatch.events shows it in hex.';
comment on column keepwatch.observability_metrics.parent_span_id is 'Span id of the execution that this one ran in; null at the root of a trace.';
comment on column keepwatch.observability_metrics.error is 'Name and message of the error of a failure, bounded; null otherwise.';
comment on column keepwatch.observability_metrics.metadata is 'The labels of its metric and what the code added, bounded; "keepwatch.truncated" marks what did not fit.';

create view keepwatch.events as
select id, name, type, status, start_time, end_time, duration_ms, service,
  encode(uuid_send(trace_id), 'hex') as trace_id, encode(span_id, 'hex') as span_id,
  encode(parent_span_id, 'hex') as parent_span_id, error, metadata, weight, source_id, created_at
from keepwatch.observability_metrics;
comment on view keepwatch.events is 'observability_metrics with W3C hexadecimal ids.';
comment on column keepwatch.events.trace_id is 'W3C trace id, 32 hexadecimal digits; null when tracing was off.';
comment on column keepwatch.events.span_id is 'W3C span id, 16 hexadecimal digits.';
comment on column keepwatch.events.parent_span_id is 'Span id of the execution that this one ran in; null at the root of a trace.';
do $$
declare
  shared record;
begin
  for shared in
    select view_column.attname as name, col_description(table_column.attrelid, table_column.attnum) as meaning
    from pg_attribute as view_column
    join pg_attribute as table_column
      on table_column.attname = view_column.attname and table_column.attrelid = 'keepwatch.observability_metrics'::regclass
    where view_column.attrelid = 'keepwatch.events'::regclass and col_description(view_column.attrelid, view_column.attnum) is null
  loop
    execute format('comment on column keepwatch.events.%I is %L', shared.name, shared.meaning);
  end loop;
end
$$;

create table keepwatch.sources (
  source_id bigint primary key,
  service text not null,
  instance text not null,
  started_at timestamptz not null,
  low_watermark timestamptz not null,
  clock_offset_ms double precision not null default 0,
  last_seen_at timestamptz not null default now(),
  unknown_tail_bytes bigint not null default 0,
  closed boolean not null default false
) with (fillfactor = 50);
comment on table keepwatch.sources is 'Every process that has written events.';
comment on column keepwatch.sources.source_id is '63 random bits, chosen by the process without asking the database.';
comment on column keepwatch.sources.service is 'The service of the process.';
comment on column keepwatch.sources.instance is 'Host and process of the source (KEEPWATCH_INSTANCE).';
comment on column keepwatch.sources.started_at is 'When the source was opened, by its own clock.';
comment on column keepwatch.sources.low_watermark is 'Every event that the source recorded before this moment is archived or accounted for.';
comment on column keepwatch.sources.clock_offset_ms is 'Clock of the process minus clock of Postgres, in milliseconds, at its last commit.';
comment on column keepwatch.sources.last_seen_at is 'When Postgres last heard from the source.';
comment on column keepwatch.sources.unknown_tail_bytes is 'Bytes at the ends of its segments that could not be read: what a killed process was writing.';
comment on column keepwatch.sources.closed is 'No more events will come.';

create table keepwatch.ledger (
  source_id bigint not null references keepwatch.sources,
  lane text not null check (lane in ('keep', 'rest')),
  relation text not null default 'observability_metrics',
  segment bigint not null default 0,
  batch integer not null default 0,
  recorded bigint not null default 0,
  archived bigint not null default 0,
  dead_lettered bigint not null default 0,
  quarantined bigint not null default 0,
  sampled_out bigint not null default 0,
  dropped jsonb not null default '{}',
  updated_at timestamptz not null default now(),
  primary key (source_id, lane)
) with (fillfactor = 50);
comment on table keepwatch.ledger is 'What is committed of each source and lane. recorded = archived + dead_lettered + quarantined + sampled_out + all dropped, always.';
comment on column keepwatch.ledger.source_id is 'The source: keepwatch.sources.';
comment on column keepwatch.ledger.lane is 'keep (failures, slow events) or rest.';
comment on column keepwatch.ledger.relation is 'The table that the rows of the lane go to.';
comment on column keepwatch.ledger.segment is 'With batch: the mark. The last segment of which something is committed.';
comment on column keepwatch.ledger.batch is 'With segment: the mark. The last block of the segment that is committed, counted from 1.';
comment on column keepwatch.ledger.recorded is 'Events recorded by the source up to the mark: what its Prometheus counter said.';
comment on column keepwatch.ledger.archived is 'Events committed to the relation.';
comment on column keepwatch.ledger.dead_lettered is 'Events that Postgres refused: keepwatch.observability_dead_letter.';
comment on column keepwatch.ledger.quarantined is 'Events outside the ingest window: keepwatch.observability_quarantine.';
comment on column keepwatch.ledger.sampled_out is 'Events left out by sampling; the weights of others stand for them.';
comment on column keepwatch.ledger.dropped is 'Events dropped, by reason.';
comment on column keepwatch.ledger.updated_at is 'When the mark last moved.';

create table keepwatch.observability_dead_letter (
  source_id bigint not null,
  lane text not null,
  segment bigint not null,
  batch integer not null,
  row_number integer not null,
  sqlstate text not null,
  error text not null,
  payload bytea not null,
  created_at timestamptz not null default now(),
  primary key (source_id, lane, segment, batch, row_number)
);
comment on table keepwatch.observability_dead_letter is 'Rows that Postgres refused, with the reason.';
comment on column keepwatch.observability_dead_letter.source_id is 'The source that recorded the event.';
comment on column keepwatch.observability_dead_letter.lane is 'The lane that it came in.';
comment on column keepwatch.observability_dead_letter.segment is 'The segment that it stood in.';
comment on column keepwatch.observability_dead_letter.batch is 'The block of the segment, counted from 1.';
comment on column keepwatch.observability_dead_letter.row_number is 'The row of the block, counted from 1.';
comment on column keepwatch.observability_dead_letter.sqlstate is 'SQLSTATE of the refusal.';
comment on column keepwatch.observability_dead_letter.error is 'Message of the refusal.';
comment on column keepwatch.observability_dead_letter.payload is 'The row as a tuple of binary COPY, columns as in the segment.';
comment on column keepwatch.observability_dead_letter.created_at is 'When it was refused.';

create table keepwatch.observability_quarantine (
  like keepwatch.observability_metrics including defaults including comments,
  reason text not null default 'outside_ingest_window'
);
comment on table keepwatch.observability_quarantine is 'Events whose end_time is outside the ingest window (7 days back, 1 hour ahead).';
comment on column keepwatch.observability_quarantine.reason is 'Why the event is not in observability_metrics.';

-- Makes the missing daily partitions that cover [from_time, to_time]. Indexes are built on the leaf before it is attached: the parent is
-- locked for the moment of attaching only, in a mode that stops neither readers nor writers. Runs as its owner, so that a writer needs no
-- right to create. Returns how many were made.
create function keepwatch.ensure_partitions(from_time timestamptz, to_time timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  day date := (from_time at time zone 'UTC')::date;
  last_day date := (to_time at time zone 'UTC')::date;
  leaf text;
  made integer := 0;
begin
  if last_day - day > 400 then
    raise exception 'ensure_partitions: % to % is more than 400 days', from_time, to_time using errcode = '22023';
  end if;
  while day <= last_day loop
    leaf := 'observability_metrics_p' || to_char(day, 'YYYYMMDD');
    if to_regclass('keepwatch.' || leaf) is null then
      perform pg_advisory_xact_lock(hashtextextended('keepwatch.partitions', 0));
      if to_regclass('keepwatch.' || leaf) is null then
        execute format('create table keepwatch.%I (like keepwatch.observability_metrics including defaults including comments)', leaf);
        execute format('alter table keepwatch.%I add constraint %I check (end_time >= %L and end_time < %L)', leaf, leaf || '_end_time_check',
          day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        execute format('create index %I on keepwatch.%I using brin (end_time) with (pages_per_range = 32, autosummarize = on)', leaf || '_end_time_idx', leaf);
        execute format('create index %I on keepwatch.%I (name, end_time) where status = ''failure''', leaf || '_failure_idx', leaf);
        execute format('create index %I on keepwatch.%I using brin (trace_id uuid_bloom_ops) with (pages_per_range = 32, autosummarize = on)', leaf || '_trace_id_idx', leaf);
        execute format('alter table keepwatch.observability_metrics attach partition keepwatch.%I for values from (%L) to (%L)', leaf,
          day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        made := made + 1;
      end if;
    end if;
    day := day + 1;
  end loop;
  return made;
end
$$;
comment on function keepwatch.ensure_partitions is 'Makes the missing daily partitions of observability_metrics that cover a range of time; returns how many.';

select keepwatch.ensure_partitions(now() - interval '7 days', now() + interval '7 days');
