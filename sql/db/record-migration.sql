-- Records a migration that is about to be applied in this transaction, unless it is there.
-- Parameters: version, name, sha256, isBreaking. One row when it is there: version, name, sha256, is_breaking; none when it was recorded.
with found as (
  select version, name, sha256, is_breaking from keepwatch.migration where version = $<version>
), recorded as (
  insert into keepwatch.migration (version, name, sha256, is_breaking)
  select $<version>, $<name>, $<sha256>, $<isBreaking> where not exists (select from found)
)
select version, name, sha256, is_breaking from found;
