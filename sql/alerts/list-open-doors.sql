-- What the connected role may do or read beside what is published, as PUBLIC may: the parser of rules alone keeps a query from it. No parameters.
-- Rows: (warning text).
with relations as (
  select pg_namespace.nspname || '.' || relname as name
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  where relkind in ('r', 'p', 'v', 'm', 'f') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and nspname <> 'keepwatch' and has_schema_privilege(nspname, 'usage') and has_table_privilege(pg_class.oid, 'select')
), definers as (
  select pg_proc.oid::regprocedure::text as name
  from pg_proc join pg_namespace on pg_namespace.oid = pronamespace
  where prosecdef and prorettype <> 'trigger'::regtype and nspname not in ('pg_catalog', 'information_schema') and has_schema_privilege(nspname, 'usage')
    and has_function_privilege(pg_proc.oid, 'execute')
), risky as (
  select proname as name from pg_proc
  where pronamespace = 'pg_catalog'::regnamespace and has_function_privilege(oid, 'execute')
    and proname in ('pg_advisory_lock', 'pg_terminate_backend', 'pg_logical_emit_message', 'pg_notify', 'pg_sleep', 'lo_create', 'query_to_xml')
)
select 'may make temporary tables: an administrator can run docs/harden.sql' as warning
where has_database_privilege(current_database(), 'temporary')
union all
select 'may call ' || string_agg(distinct name, ', ' order by name) || ': a superuser can run docs/harden.sql' from risky having count(*) > 0
union all
select 'may read ' || string_agg(name, ', ' order by name) || ': revoke select from public' from (select name from relations limit 20) as few having count(*) > 0
union all
select 'may call ' || string_agg(name, ', ' order by name) || ', with the rights of its owner: revoke execute from public'
from (select name from definers limit 20) as few having count(*) > 0
