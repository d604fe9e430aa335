-- Notes that a partition is to be removed: from now on it is ours to drop once it is detached. Parameters: name, until. No rows.
insert into keepwatch.retired_partitions as retired (name, until) values ($<name>, $<until>)
on conflict (name) do update set retired_at = excluded.retired_at, dropped_at = null;
