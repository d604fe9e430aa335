-- Retention of rollups: what it removes is noted where removed days are.

comment on table keepwatch.retired_partitions is 'Partitions of observability_metrics, rollup_minutes and rollup_hours that retention has removed, or is about to remove.';
comment on column keepwatch.retired_partitions.name is 'Name of the partition, in the schema keepwatch. rollup_minutes_p… stands for its month also where there was none.';
comment on column keepwatch.retired_partitions.rows is 'Rows that it had when it was dropped; of a month of rollups, with those that came later and were left out.';
