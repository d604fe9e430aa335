-- Whether this user may remove partitions: only an owner of the table may. No parameters. One row: may_maintain.
select pg_has_role(relowner, 'usage') as may_maintain from pg_class where oid = 'keepwatch.observability_metrics'::regclass;
