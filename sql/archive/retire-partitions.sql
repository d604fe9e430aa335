-- Notes that partitions are to be removed, those of them that are attached: from now on they are ours to drop once they are detached.
-- Parameters: names, until. No rows.
insert into keepwatch.retired_partitions as retired (name, until)
select name, $<until> from unnest($<names>::text[]) as name
where exists (select from pg_inherits where inhrelid = to_regclass('keepwatch.' || quote_ident(name)))
on conflict (name) do update set retired_at = excluded.retired_at, dropped_at = null;
