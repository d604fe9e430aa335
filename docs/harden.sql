-- For an administrator who gives Keepwatch a database of its own: takes from PUBLIC what the role keepwatch_rules would have through it.
-- Every user of the database loses these rights, so look first whether another application needs them:
-- temporary tables, and (a default before Postgres 15) tables in the schema public. The owner of the database keeps both.
--   psql "$DATABASE_URL" -f docs/harden.sql
revoke create on schema public from public;
do $$ begin execute format('revoke temporary on database %I from public', current_database()); end $$;
