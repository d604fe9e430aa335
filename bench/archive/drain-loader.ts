// Keepwatch: a spool that another process has filled, into Postgres, each source over a connection of its own.
import { drainSegments } from '../../src/archive/drain/drain.ts';
import { createPartitions } from '../../src/archive/drain/partitions.ts';
import { SegmentMemory } from '../../src/archive/drain/segment-memory.ts';
import { KnownSeries } from '../../src/archive/rollups/series.ts';
import { listSegments, listSources } from '../../src/archive/spool/spool-folder.ts';
import { createDatabase } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { type ArchivePlan, type Loader, serveLoader } from './contender.ts';

/** @param connections as many sources are drained at once */
export function serveDrainLoader(connections: number, { hasRollups = true } = {}): void {
  serveLoader(async ({ databaseUrl, spoolDir }: ArchivePlan): Promise<Loader> => {
    const database = createDatabase({ url: databaseUrl, max: connections });
    const partitions = createPartitions(database);
    // As in a process that has run for a while.
    const series = hasRollups ? new KnownSeries() : null;
    const memory = new SegmentMemory();
    let sources: Awaited<ReturnType<typeof listSources>> = [];
    const drain = async ({ path, source }: (typeof sources)[number]) => {
      const segments = await listSegments(path, 'rest');
      const { isDone } = await drainSegments(source, 'rest', segments, {
        database,
        partitions,
        spoolDir,
        series,
        memory,
        logger: silentLogger,
      });
      if (!isDone) throw new Error(`segments stayed in ${path}`);
    };
    return {
      async refill() {
        sources = await listSources(spoolDir, Date.now());
        await Promise.all(Array.from({ length: connections }, () => database.one('select pg_sleep(0.01)::text as ready')));
      },
      async load() {
        await Promise.all(sources.map(drain));
      },
    };
  });
}
