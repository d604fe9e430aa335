-- What the connected role could do beyond reading, itself or as another role that it may become. No parameters.
-- Row: role; problem (text, null when all is well).
with become as (
  select oid, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls from pg_roles where pg_has_role(current_user, oid, 'member')
), relations as (
  select pg_class.oid, relname, relowner from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  where nspname = 'keepwatch' and relkind in ('r', 'p', 'v')
)
select current_user::text as role, case
    when exists (select from become where rolsuper) then 'is a superuser'
    when exists (select from become where rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)
      then 'may create roles or databases, replicate, or bypass row security'
    when exists (select from relations where relowner in (select oid from become)) then 'owns tables of the schema keepwatch'
    when exists (select from relations, become where has_table_privilege(become.oid, relations.oid, 'insert, update, delete, truncate'))
      then 'may write to ' || (select min('keepwatch.' || relname) from relations, become
        where has_table_privilege(become.oid, relations.oid, 'insert, update, delete, truncate'))
    when not has_table_privilege('keepwatch.observability_metrics', 'select') then 'may not read keepwatch.observability_metrics'
  end as problem;
