-- Whether people were told of an incident: a pending series whose nodata was told has an end to be told too.

alter table keepwatch.alert_instance add column is_told boolean not null default false;
update keepwatch.alert_instance set is_told = true where state not in ('ok', 'pending');
alter table keepwatch.alert_instance
  add constraint alert_instance_is_told_check check (state = 'pending' or is_told = (state <> 'ok'));
comment on column keepwatch.alert_instance.is_told is 'People were told of the incident, that it fires or of nodata, so that they are told of its end.';
