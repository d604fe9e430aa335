-- Ends a lease before its time. Parameters: name, holder, epoch. No rows.
update keepwatch.lease set expires_at = clock_timestamp() where name = $<name> and holder = $<holder> and epoch = $<epoch>;
