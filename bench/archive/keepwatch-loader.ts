// Keepwatch: batches of events into the spool, and the spool into Postgres, through the archive's own door.
import { setImmediate } from 'node:timers/promises';
import { createArchive } from '../../src/archive/archive.ts';
import { createDatabase } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { type ArchivePlan, type Loader, serveLoader } from './contender.ts';
import { createReferenceBatches } from './reference-batch.ts';
import { createReferenceEvents, SERVICE } from './reference-events.ts';

/** What the tracker offers at a time. */
const BATCH_SIZE = 1024;

/** @param isSpoolTimed whether encoding and spooling the events is a part of what is timed, or made ready before it */
export function serveKeepwatchLoader({ isSpoolTimed }: { isSpoolTimed: boolean }): void {
  serveLoader(async (plan: ArchivePlan): Promise<Loader> => {
    const database = createDatabase({ url: plan.databaseUrl, max: 2 });
    const archive = createArchive({
      database,
      spoolDir: plan.folder,
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
    const spool = async () => {
      for (let from = 0; from < plan.rows; ) {
        const until = Math.min(from + BATCH_SIZE, plan.rows);
        from += archive.sink.accept(take(from, until, recorded));
        await setImmediate();
      }
      recorded += plan.rows;
    };
    const drain = async () => {
      await archive.flush();
      const { spoolEvents, reasons } = archive.stats();
      if (spoolEvents > 0) throw new Error(`${spoolEvents} events stayed in the spool: ${reasons.join('; ')}`);
    };
    if (!isSpoolTimed) return { refill: spool, load: drain };
    return {
      async load() {
        await spool();
        await drain();
      },
    };
  });
}
