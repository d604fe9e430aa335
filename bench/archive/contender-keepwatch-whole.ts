// Keepwatch, from events in memory to the commit, through the archive's own door.
import { createDatabase } from '../../src/db/database.ts';
import { createBenchArchive, offerEvents } from './bench-archive.ts';
import { type ArchivePlan, type Loader, serveLoader } from './contender.ts';
import { createReferenceBatches } from './reference-batch.ts';
import { createReferenceEvents } from './reference-events.ts';

serveLoader(async (plan: ArchivePlan): Promise<Loader> => {
  const database = createDatabase({ url: plan.databaseUrl, max: 2 });
  const archive = createBenchArchive(database, plan.spoolDir);
  const take = createReferenceBatches(createReferenceEvents(plan.rows, plan.untilMs));
  let recorded = 0;
  return {
    async refill() {
      await database.one('select 1 as ready');
    },
    async load() {
      await offerEvents(archive, take, { from: 0, until: plan.rows, recordedBefore: recorded });
      recorded += plan.rows;
      await archive.flush();
      const { spoolEvents, reasons } = archive.stats();
      if (spoolEvents > 0) throw new Error(`${spoolEvents} events stayed in the spool: ${reasons.join('; ')}`);
    },
  };
});
