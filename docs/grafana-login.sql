-- A login for Grafana's Postgres data source, in the group keepwatch_reader: it reads what dashboards show, and writes nothing. For a user that may
-- create roles, after `keepwatch migrate --roles`. May be run again, also to change the password. Another name than grafana: -v login=other
--   GRAFANA_PASSWORD=… psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f docs/grafana-login.sql
-- The password goes to the server in this statement: where it logs statements (log_statement), use one of SCRAM's verifiers in its place.
\if :{?login}
\else
  \set login grafana
\endif
set client_min_messages = warning;
\set password `printf %s "$GRAFANA_PASSWORD"`
select format('create role %I login', :'login') where not exists (select from pg_roles where rolname = :'login') \gexec
alter role :"login" with login connection limit 10 password :'password';
-- Twice sure: it has no rights to write, and begins no transaction that could.
alter role :"login" set default_transaction_read_only = on;
alter role :"login" set statement_timeout = '30s';
grant keepwatch_reader to :"login";
