-- `keepwatch verify` looks at what retention is about to remove: a writer may run it too. Roles made from now on get this by themselves.

do $$
begin
  if exists (select from pg_roles where rolname = 'keepwatch_writer') then
    grant select on keepwatch.retired_partitions to keepwatch_writer;
  end if;
end
$$;
