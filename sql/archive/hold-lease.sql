-- Keeps others from taking the lease until the transaction ends. Parameters: name, holder, epoch. One row: held; none when it was lost.
select true as held from keepwatch.lease
where name = $<name> and holder = $<holder> and epoch = $<epoch> and expires_at > clock_timestamp()
for update;
