// Events on days gone by: archived now, then moved, so that the ledger and the rows agree.
import type { Database } from '../../src/db/database.ts';
import { createSpoolDir, createTestArchive } from './test-archive.ts';

/** Archives `perDay` events on each of `days` days, the newest of them `newestDaysAgo` ago, and as many now. */
export async function fillDays(database: Database, days: number, newestDaysAgo: number, perDay = 1): Promise<void> {
  const spool = createSpoolDir();
  const { archive, tracker } = createTestArchive(database, spool.path);
  tracker.record(...Array.from({ length: (days + 1) * perDay }, () => ({})));
  await archive.stop({ timeoutMs: 5000 });
  spool.remove();
  await database.any(
    `select keepwatch.ensure_partitions(now() - $<from> * interval '1 day', now() - $<newestDaysAgo> * interval '1 day')`,
    { from: newestDaysAgo + days - 1, newestDaysAgo },
  );
  await database.none(
    `with numbered as (select id, row_number() over (order by id) - 1 as number from keepwatch.observability_metrics)
     update keepwatch.observability_metrics as metrics
     set end_time = end_time - ($<newestDaysAgo> + (number / $<perDay>)) * interval '1 day'
     from numbered where numbered.id = metrics.id and number < $<days> * $<perDay>`,
    { days, newestDaysAgo, perDay },
  );
}
