-- Lanes that later versions add need no new constraint: a lane is a short name, and the relation that it writes to stands beside it.

alter table keepwatch.ledger
  drop constraint ledger_lane_check,
  add constraint ledger_lane_check check (lane ~ '^[a-z][a-z0-9_]{0,30}$');
alter table keepwatch.series_ledger
  drop constraint series_ledger_lane_check,
  add constraint series_ledger_lane_check check (lane ~ '^[a-z][a-z0-9_]{0,30}$');
comment on column keepwatch.ledger.lane is 'keep (failures, slow events) or rest; later versions may have more.';
