// Keepwatch, from events in memory to the commit, through the archive's own door.
import { setImmediate } from 'node:timers/promises';
import { createArchive } from '../../src/archive/archive.ts';
import { createDatabase } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { type ArchivePlan, type Loader, serveLoader } from './contender.ts';
import { createReferenceBatches } from './reference-batch.ts';
import { createReferenceEvents, SERVICE } from './reference-events.ts';

/** What the tracker offers at a time. */
const BATCH_SIZE = 1024;

serveLoader(async (plan: ArchivePlan): Promise<Loader> => {
  const database = createDatabase({ url: plan.databaseUrl, max: 2 });
  const archive = createArchive({
    database,
    spoolDir: plan.spoolDir,
    spoolMaxBytes: 4e9,
    durability: 'process',
    service: SERVICE,
    instance: 'bench',
    cron: '*/2 * * * * *',
    now: Date.now,
    collect() {},
    logger: silentLogger,
  });
  const take = createReferenceBatches(createReferenceEvents(plan.rows, plan.untilMs));
  let recorded = 0;
  return {
    async refill() {
      await database.one('select 1 as ready');
    },
    async load() {
      for (let from = 0; from < plan.rows; ) {
        from += archive.sink.accept(take(from, Math.min(from + BATCH_SIZE, plan.rows), recorded));
        await setImmediate();
      }
      recorded += plan.rows;
      await archive.flush();
      const { spoolEvents, reasons } = archive.stats();
      if (spoolEvents > 0) throw new Error(`${spoolEvents} events stayed in the spool: ${reasons.join('; ')}`);
    },
  };
});
