-- Retention: which process maintains the archive, and what it has removed.

create table keepwatch.lease (
  name text primary key,
  holder text not null,
  epoch bigint not null,
  expires_at timestamptz not null
);
comment on table keepwatch.lease is 'Work that one process at a time does.';
comment on column keepwatch.lease.name is 'The work: maintenance.';
comment on column keepwatch.lease.holder is 'Which process does it.';
comment on column keepwatch.lease.epoch is 'Grows with every change of holder: an earlier holder that wakes up late is known by its epoch, and does nothing.';
comment on column keepwatch.lease.expires_at is 'From then on another process may take it.';

create table keepwatch.retired_partitions (
  name text primary key,
  until timestamptz not null,
  retired_at timestamptz not null default clock_timestamp(),
  dropped_at timestamptz,
  rows bigint
);
comment on table keepwatch.retired_partitions is 'Partitions of observability_metrics that retention has removed, or is about to remove.';
comment on column keepwatch.retired_partitions.name is 'Name of the partition, in the schema keepwatch.';
comment on column keepwatch.retired_partitions.until is 'Its rows ended before this moment.';
comment on column keepwatch.retired_partitions.retired_at is 'When it was chosen.';
comment on column keepwatch.retired_partitions.dropped_at is 'When it was dropped; null while it is there.';
comment on column keepwatch.retired_partitions.rows is 'Rows that it had when it was dropped.';

alter table keepwatch.sources add column expired bigint not null default 0;
comment on column keepwatch.sources.expired is 'Archived events that retention has removed since.';
