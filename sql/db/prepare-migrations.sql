-- Takes the migration lock for this transaction and makes the migration ledger. No parameters, no rows.
select pg_advisory_xact_lock(hashtextextended('keepwatch.migration', 0));
create schema if not exists keepwatch;
create table if not exists keepwatch.migration (
  version integer primary key,
  name text not null,
  sha256 text not null,
  is_breaking boolean not null,
  applied_at timestamptz not null default now()
);
