-- Makes a silence. Parameters: matchers, startsAt, endsAt, createdBy, comment, most (silences at most that are not over). The row, as SilenceRow of
-- src/alerts/delivery/silences.ts; none when there are that many.
insert into keepwatch.alert_silence (matchers, starts_at, ends_at, created_by, comment)
select $<matchers:json>::jsonb, $<startsAt>::timestamptz, $<endsAt>::timestamptz, $<createdBy>, $<comment>
where (select count(*) from keepwatch.alert_silence where ends_at > now()) < $<most>
returning *, now() as read_at;
