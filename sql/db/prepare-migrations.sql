-- Takes the migration lock for this transaction and makes the migration ledger. No parameters, no rows. A schema that an administrator
-- made for its owner is enough: "create schema if not exists" would ask for the right to create one all the same.
select pg_advisory_xact_lock(hashtextextended('keepwatch.migration', 0));
do $$ begin if to_regnamespace('keepwatch') is null then create schema keepwatch; end if; end $$;
create table if not exists keepwatch.migration (
  version integer primary key,
  name text not null,
  sha256 text not null,
  is_breaking boolean not null,
  applied_at timestamptz not null default now()
);
