-- What keepwatch_rules could do beyond reading the published relations. No parameters. Rows: (problem text), none when all is well.
with rules as (select * from pg_roles where rolname = 'keepwatch_rules')
select 'it is a superuser' as problem from rules where rolsuper
union all
select 'it may create roles or databases, replicate, or bypass row security' from rules
where rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
union all
select 'it is a member of ' || pg_get_userbyid(roleid) from rules join pg_auth_members on member = rules.oid
union all
select 'it may make temporary tables: revoke temporary on database ' || quote_ident(current_database()) || ' from public'
from rules where has_database_privilege(rules.oid, current_database(), 'temporary')
union all
select 'it may create in schema ' || quote_ident(nspname) || ': revoke create on schema ' || quote_ident(nspname) || ' from public'
from rules join pg_namespace on has_schema_privilege(rules.oid, pg_namespace.oid, 'create') where not rolsuper
