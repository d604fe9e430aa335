-- Takes a lease or renews it. Parameters: name, holder, seconds. One row: epoch; none while another process holds it.
insert into keepwatch.lease as lease (name, holder, epoch, expires_at)
values ($<name>, $<holder>, 1, clock_timestamp() + $<seconds> * interval '1 second')
on conflict (name) do update
set holder = excluded.holder,
  epoch = lease.epoch + case when lease.holder = excluded.holder then 0 else 1 end,
  expires_at = excluded.expires_at
where lease.holder = excluded.holder or lease.expires_at < clock_timestamp()
returning epoch::float8 as epoch;
